// Why requests did not match, by reason, with the last ones of each.

import { useState } from "react";
import { Button as AriaButton, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { ChevronRight } from "lucide-react";

import type { MissReason, TrafficView } from "../../bindings/wire";
import { missWords } from "../../components/miss-words";
import { ago } from "./spans";
import { missHints, number, words } from "./words";

const text = words.misses;

export function Misses({ traffic, now }: { traffic: TrafficView | null; now: number }) {
  const reasons = [...(traffic?.reasons ?? [])].sort((one, other) => other.count - one.count);
  const keptAlive = traffic?.mayBeKeptAlive;
  return (
    <section className="tun-card" aria-label={text.title}>
      <h2 className="tun-card-title">{text.title}</h2>
      {keptAlive !== undefined && keptAlive !== null && <p>{text.keptAlive(keptAlive)}</p>}
      {reasons.length === 0 && <p className="tun-quiet">{text.none}</p>}
      {reasons.map((reason) => <Reason key={reason.why} reason={reason} now={now} />)}
    </section>
  );
}

function Reason({ reason, now }: { reason: MissReason; now: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Disclosure className="miss" isExpanded={isOpen} onExpandedChange={setOpen}>
      <Heading level={3}>
        <AriaButton slot="trigger" className="miss-head">
          <ChevronRight className="miss-chevron" size={14} strokeWidth={1.5} aria-hidden />
          <span className="miss-count">{number(reason.count)}</span>{" "}
          <span>{missWords(reason.why)}</span>
        </AriaButton>
      </Heading>
      <DisclosurePanel>
        <p className="tun-quiet miss-hint">{missHints[reason.why]}</p>
        {isOpen && <Examples reason={reason} now={now} />}
      </DisclosurePanel>
    </Disclosure>
  );
}

function Examples({ reason, now }: { reason: MissReason; now: number }) {
  const showsFound = reason.why === "otherValue";
  return (
    <div className="tun-rows-scroll">
      <table className="tun-rows" aria-label={missWords(reason.why)}>
        <thead>
          <tr>
            <th scope="col">{text.when}</th>
            <th scope="col">{text.request}</th>
            {showsFound && <th scope="col">{text.found}</th>}
            <th scope="col">{text.from}</th>
            <th scope="col">{text.answered}</th>
          </tr>
        </thead>
        <tbody>
          {reason.examples.map((one, index) => (
            <tr key={`${one.at}-${index}`}>
              <td>{ago(one.at / 1_000, now)}</td>
              <td className="mono selectable tun-rows-cut" title={`${one.method} ${one.uri}`}>{one.method} {one.uri}</td>
              {showsFound && <td className="mono selectable">{one.found ?? text.nothing}</td>}
              <td className="mono selectable">{one.address}</td>
              <td>{one.status === 0 ? text.noAnswer : one.status}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
