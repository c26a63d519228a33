import type { TrafficView } from "../../bindings/wire";
import { ago } from "./spans";
import { number, words } from "./words";

const text = words.callers;
const most = 50;

export function Callers({ traffic, now }: { traffic: TrafficView | null; now: number }) {
  const callers = (traffic?.callers ?? []).slice(0, most);
  return (
    <section className="tun-card" aria-label={text.title}>
      <h2 className="tun-card-title">{text.title}</h2>
      {callers.length === 0 ? (
        <p className="tun-quiet">{text.none}</p>
      ) : (
        <div className="tun-rows-scroll">
          <table className="tun-rows" aria-label={text.title}>
            <thead>
              <tr>
                <th scope="col">{text.who}</th>
                <th scope="col" className="tun-rows-number">{text.matched}</th>
                <th scope="col" className="tun-rows-number">{text.others}</th>
                <th scope="col">{text.last}</th>
              </tr>
            </thead>
            <tbody>
              {callers.map((caller) => (
                <tr key={caller.address}>
                  <td className="selectable tun-rows-cut" title={caller.address}>
                    {caller.pod ?? <span className="mono">{caller.address}</span>}
                    {caller.pod && <span className="mono tun-quiet"> {caller.address}</span>}
                  </td>
                  <td className="tun-rows-number tun-rows-laptop">{number(caller.matched)}</td>
                  <td className="tun-rows-number">{number(caller.unmatched)}</td>
                  <td>{ago(caller.last / 1_000, now)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {callers.length > 0 && <p className="tun-quiet tun-card-foot">{text.note}</p>}
    </section>
  );
}
