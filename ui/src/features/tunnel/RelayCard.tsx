import type { InterceptView, ProbeReport } from "../../bindings/wire";
import { StateMark } from "./HopLine";
import { ago, moment, span } from "./spans";
import { words } from "./words";

const text = words.relayCard;

export function RelayCard({ view, probe, now }: { view: InterceptView; probe: ProbeReport | null; now: number }) {
  const open = view.relays.filter((relay) => relay.isOpen).length;
  const isWhole = open > 0 && open === view.relays.length;
  const back = probe?.hops.find((hop) => hop.what === "laptop" && hop.state === "passed")?.took;
  return (
    <section className="tun-card" aria-label={text.title}>
      <h2 className="tun-card-title">
        {text.title}
        <span className="tun-card-state">
          <StateMark state={isWhole ? "good" : open > 0 ? "wait" : "bad"} />
          {isWhole ? text.open : open > 0 ? text.partly : text.notOpen}
        </span>
      </h2>
      <dl className="tun-facts">
        <dt>{text.over}</dt><dd>{text.overValue}</dd>
        <dt>{text.pods}</dt><dd>{view.relays.length === 0 ? text.none : text.podsOf(open, view.relays.length)}</dd>
        <dt>{text.since}</dt><dd>{moment(view.since * 1_000, now)}, {ago(view.since * 1_000, now)}</dd>
        {view.readyAfterMs !== null && <><dt>{text.ready}</dt><dd>{span(view.readyAfterMs * 1_000)}</dd></>}
        <dt>{text.latency}</dt><dd>{back === undefined || back === null ? text.untested : span(back)}</dd>
      </dl>
      {view.relays.length > 0 && (
        <ul className="tun-pods" aria-label={text.pods}>
          {view.relays.map((relay) => (
            <li key={relay.pod}>
              <StateMark state={relay.isOpen ? "good" : "bad"} />
              <span className="mono selectable tun-pods-name">{relay.pod}</span>
              <span className="tun-quiet selectable">{relay.isOpen ? text.podOpen : (relay.why ?? text.podShut)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function NgrokCard() {
  return (
    <section className="tun-card tun-card-later" aria-label={words.ngrok.title}>
      <h2 className="tun-card-title">
        {words.ngrok.title}
        <span className="tun-card-state">{words.ngrok.later}</span>
      </h2>
      <p>{words.ngrok.body}</p>
    </section>
  );
}
