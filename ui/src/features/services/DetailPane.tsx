// What there is to know of the Service in use: our intercept of it, its requests, and everybody else's intercepts.

import { Activity, X } from "lucide-react";
import { Button as IconButton } from "react-aria-components";

import type { InterceptView, TrafficView } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { span } from "../../components/time-words";
import { useNow } from "../../components/use-now";
import { useTraffic } from "../../state/use-desk";
import { useGo } from "../../state/use-go";
import { Bars } from "./Bars";
import { Others } from "./Others";
import type { ServiceLine } from "./rows";
import { relayWords, sentence } from "./row-words";
import { missWords, pane, ruleWords } from "./words";

interface Props {
  context: string;
  line: ServiceLine;
  onStart: (line: ServiceLine) => void;
  onClose: () => void;
}

export function DetailPane({ context, line, onStart, onClose }: Props) {
  const { service, mine, others } = line;
  const go = useGo();
  const traffic = useTraffic(mine?.key ?? null);
  return (
    <aside className="pane" aria-label={service.name}>
      <header className="pane-head">
        <h2 className="pane-title" title={service.name}>{service.name}</h2>
        {mine && (
          <Button onPress={() => { go({ screen: "inspector" }); }}>
            <Activity size={14} strokeWidth={1.5} aria-hidden />{pane.inspector}
          </Button>
        )}
        {!mine && service.obstacle === null && <Button onPress={() => { onStart(line); }}>{pane.start}</Button>}
        <IconButton className="pane-close" aria-label={pane.close} onPress={onClose}><X size={14} strokeWidth={1.5} aria-hidden /></IconButton>
        <p className="pane-sub">{mine ? pane.restores : service.obstacle === null ? service.namespace : sentence(service.obstacle)}</p>
      </header>
      {mine ? <Mine view={mine} /> : <Facts line={line} />}
      {mine && <Traffic view={traffic} />}
      {traffic && traffic.reasons.length > 0 && <Misses view={traffic} onShow={() => { go({ screen: "inspector" }); }} />}
      {others.length > 0 && <Others context={context} others={others} />}
    </aside>
  );
}

function Facts({ line: { service } }: { line: ServiceLine }) {
  const { kind, clusterIp, workload } = service;
  return (
    <section className="pane-part">
      <h3 className="pane-label">{pane.service}</h3>
      <dl className="facts">
        <dt>{pane.type}</dt><dd>{kind}</dd>
        <dt>{pane.address}</dt><dd className="mono selectable">{clusterIp ?? pane.none}</dd>
        <dt>{pane.workload}</dt><dd>{workload ? `${workload.kind} ${workload.name}` : pane.none}</dd>
      </dl>
    </section>
  );
}

function Mine({ view }: { view: InterceptView }) {
  const now = useNow();
  return (
    <section className="pane-part">
      <h3 className="pane-label">{pane.intercept}</h3>
      {view.trouble !== null && <p className="pane-trouble">{view.trouble}</p>}
      <dl className="facts">
        <dt>{pane.match}</dt><dd className="mono selectable">{ruleWords(view.rule)}</dd>
        <dt>{pane.target}</dt><dd className="mono selectable">{view.target}</dd>
        <dt>{pane.tunnel}</dt><dd>{relayWords(view) ?? "relay"}</dd>
        <dt>{pane.lifetime}</dt><dd>{view.expires === null ? pane.untilStop : `${span(view.expires - now)} left`}</dd>
      </dl>
    </section>
  );
}

function Traffic({ view }: { view: TrafficView | null }) {
  const minute = view?.seconds.slice(-60) ?? [];
  const mine = minute.reduce((sum, each) => sum + each.matched - each.fellBack, 0);
  const origin = minute.reduce((sum, each) => sum + each.fellBack + each.unmatched + each.unseen, 0);
  return (
    <section className="pane-part">
      <h3 className="pane-label">{pane.minute}</h3>
      <div className="numbers">
        <p><strong className="number number-mine">{mine}</strong>{pane.reach}</p>
        <p><strong className="number">{origin}</strong>{pane.origin}</p>
      </div>
      {view ? <Bars view={view} /> : <p className="pane-sub">{pane.noTraffic}</p>}
    </section>
  );
}

function Misses({ view, onShow }: { view: TrafficView; onShow: () => void }) {
  return (
    <section className="pane-part">
      <h3 className="pane-label">{pane.misses} <IconButton className="pane-link" onPress={onShow}>{pane.show}</IconButton></h3>
      <dl className="counts">
        {view.reasons.map(({ why, count }) => (
          <div key={why}><dt>{missWords(why)}</dt><dd>{count.toLocaleString("en")}</dd></div>
        ))}
      </dl>
    </section>
  );
}
