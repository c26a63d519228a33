// Why requests did not arrive: near misses of the intercepts that stand, by reason, with examples.

import { Info } from "lucide-react";
import { useState } from "react";

import type { InterceptView, TrafficView } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { clockTime } from "./format";
import { missWords } from "./words";
import "./why-not.css";

interface Props {
  intercepts: readonly InterceptView[];
  traffic: ReadonlyMap<number, TrafficView>;
}

const perMinute = (view: TrafficView, of: "matched" | "unmatched") => view.seconds.slice(-60).reduce((sum, second) => sum + second[of], 0);

export function WhyNot({ intercepts, traffic }: Props) {
  const [isOpen, setOpen] = useState(false);
  const told = intercepts.flatMap((intercept) => {
    const view = traffic.get(intercept.key);
    return view && intercept.ending === null ? [{ intercept, view }] : [];
  });
  const missed = told.filter(({ view }) => view.reasons.length > 0);
  if (missed.length === 0) return null;
  const unmatched = missed.reduce((sum, { view }) => sum + perMinute(view, "unmatched"), 0);
  const most = missed.flatMap(({ view }) => view.reasons).sort((one, other) => other.count - one.count)[0];
  return (
    <section className="why" aria-label="Requests that did not match">
      <div className="why-line">
        <Info size={14} strokeWidth={1.5} aria-hidden />
        <span className="why-words">{counted(unmatched, "request")} a minute did not match{most && `: ${missWords(most.why)}`}</span>
        <Button look="quiet" aria-expanded={isOpen} onPress={() => { setOpen(!isOpen); }}>{isOpen ? "Hide them" : "Show them"}</Button>
      </div>
      {isOpen && <div className="why-all">{missed.map(({ intercept, view }) => <Missed key={intercept.key} intercept={intercept} view={view} />)}</div>}
    </section>
  );
}

function Missed({ intercept, view }: { intercept: InterceptView; view: TrafficView }) {
  const { sums, reasons, mayBeKeptAlive } = view;
  return (
    <div className="why-one">
      <h3 className="why-title">{intercept.wish.service} <span>takes {intercept.rule}. {perMinute(view, "matched")} a minute matched, {perMinute(view, "unmatched")} did not.</span></h3>
      {mayBeKeptAlive !== null && mayBeKeptAlive !== undefined && (
        <p className="why-note">Callers may still hold connections to the original pods from before the switch, {mayBeKeptAlive} s ago. Those do not pass the proxy until they are opened anew.</p>
      )}
      {sums.unseen > 0 && <p className="why-note">{counted(sums.unseen, "request")} passed under heavy load without being told one by one.</p>}
      {reasons.map(({ why, count, examples }) => (
        <div key={why}>
          <p className="why-reason">{missWords(why)} <b>{count}</b></p>
          <ul className="why-examples">
            {examples.slice(0, 4).map(({ at, address, method, uri, found, status }) => (
              <li key={`${at}-${uri}`}>
                <span>{clockTime(at)}</span><span>{method} {uri}</span><span>{found ? `had ${found}` : ""}</span><span>from {address}{status > 0 ? `, ${status}` : ""}</span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}
