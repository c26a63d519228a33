// One Service: what it is, who intercepts it, and the switch.

import { ArrowRight, Ban, Spline, Star, User, Users } from "lucide-react";
import { memo } from "react";
import { Button } from "react-aria-components";

import type { Listener } from "../../bindings/wire";
import { Switch } from "../../components/Switch";
import { useTraffic } from "../../state/use-desk";
import { portText } from "./matching";
import { PortField } from "./PortField";
import type { ServiceLine } from "./rows";
import { relayWords, sentence } from "./row-words";
import { othersWords, phaseWords, ruleWords, words } from "./words";

export interface RowActs {
  onStar: (line: ServiceLine) => void;
  onSwitch: (line: ServiceLine) => void;
  onTarget: (line: ServiceLine, target: string) => void;
}

interface Props {
  line: ServiceLine;
  target: string;
  listeners: readonly Listener[];
  isActive: boolean;
  now: number;
  acts: RowActs;
}

export const ServiceRow = memo(function ServiceRow({ line, target, listeners, isActive, now, acts }: Props) {
  const { service, mine } = line;
  const isOpen = service.obstacle === null;
  return (
    <>
      <div role="gridcell" className="cell cell-star"><StarButton line={line} isActive={isActive} onStar={acts.onStar} /></div>
      <div role="rowheader" className={isOpen ? "cell cell-name" : "cell cell-name cell-quiet"} title={service.name}>
        {service.name}
        {line.tellsNamespace && <span className="cell-namespace"> {service.namespace}</span>}
      </div>
      <div role="gridcell" className="cell mono" title={service.ports.map(portText).join("  ")}>{service.ports.map(portText).join("  ")}</div>
      <div role="gridcell" className={readyLook(line)}>{service.kind === "ExternalName" ? "–" : service.ready}</div>
      {!isOpen && mine === null
        ? <div role="gridcell" aria-colspan={2} className="cell cell-state cell-wide"><State line={line} now={now} /></div>
        : (
          <>
            <div role="gridcell" className="cell cell-state"><State line={line} now={now} /></div>
            <div role="gridcell" className="cell cell-port">
              {mine ? <span className="port-text mono">{mine.target.replace(/^localhost/, "")}</span> : (
                <PortField
                  name={service.name} target={target} listeners={listeners} isActive={isActive}
                  onTarget={(next) => { acts.onTarget(line, next); }}
                />
              )}
            </div>
          </>
        )}
      <div role="gridcell" className="cell cell-switch">
        {isOpen || mine ? (
          <Switch
            aria-label={words.switch(service.name)}
            isSelected={mine !== null}
            isDisabled={mine?.phase.phase === "closing"}
            excludeFromTabOrder={!isActive}
            onChange={() => { acts.onSwitch(line); }}
          />
        ) : (
          <Ban className="cell-ban" size={14} strokeWidth={1.5} aria-label={words.cannot(service.name)} />
        )}
      </div>
      {mine && <SecondLine line={line} />}
    </>
  );
});

const readyLook = ({ service }: ServiceLine) =>
  service.ready === 0 && service.obstacle === null ? "cell cell-number cell-bad" : "cell cell-number";

function StarButton({ line, isActive, onStar }: { line: ServiceLine; isActive: boolean; onStar: RowActs["onStar"] }) {
  return (
    <Button
      className={line.isFavourite ? "star star-on" : "star"}
      aria-label={words.star(line.service.name)}
      aria-pressed={line.isFavourite}
      excludeFromTabOrder={!isActive}
      onPress={() => { onStar(line); }}
    >
      <Star size={14} strokeWidth={1.5} fill={line.isFavourite ? "currentColor" : "none"} aria-hidden />
    </Button>
  );
}

function State({ line: { service, mine, others }, now }: { line: ServiceLine; now: number }) {
  if (mine) {
    const phase = phaseWords(mine, now);
    return (
      <span className={mine.trouble === null ? "state state-mine" : "state state-bad"} title={mine.trouble ?? phase}>
        <Spline size={14} strokeWidth={1.5} aria-hidden /><span className="state-words">{mine.trouble ?? phase}</span>
      </span>
    );
  }
  if (service.obstacle !== null) {
    return <span className="state-words" title={sentence(service.obstacle)}>{sentence(service.obstacle)}</span>;
  }
  if (others.length > 0) {
    const Icon = others.length > 1 ? Users : User;
    return (
      <span className="state">
        <Icon size={14} strokeWidth={1.5} aria-hidden /><span className="state-words">{othersWords(others, now)}</span>
      </span>
    );
  }
  return service.ready === 0 ? <span className="cell-bad">{words.noPodReady}</span> : null;
}

function SecondLine({ line: { mine } }: { line: ServiceLine }) {
  const traffic = useTraffic(mine?.key ?? null);
  if (!mine) return null;
  const minute = traffic?.seconds.slice(-60) ?? [];
  const matched = minute.reduce((sum, each) => sum + each.matched, 0);
  const all = minute.reduce((sum, each) => sum + each.matched + each.unmatched, 0);
  const relay = relayWords(mine);
  return (
    <div role="gridcell" className="second">
      <span className="mono second-rule">{ruleWords(mine.rule)}</span>
      <ArrowRight size={12} strokeWidth={1.5} aria-label="go to" />
      <span className="mono second-target">{mine.target}</span>
      {relay !== null && <span>· {relay}</span>}
      {all > 0 && <span>· {matched} of {all} requests a minute</span>}
    </div>
  );
}
