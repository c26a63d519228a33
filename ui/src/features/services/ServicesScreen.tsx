// Home: pick a Service, flip its switch.

import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import type { InterceptWish } from "../../bindings/wire";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Checkbox } from "../../components/Checkbox";
import type { Watched } from "../../state/snapshot";
import { useIntercepts, usePreferences } from "../../state/use-desk";
import { lastWish, wishFor } from "../../state/wish";
import { DetailPane } from "./DetailPane";
import { FilterField } from "./FilterField";
import { matching, prepare } from "./matching";
import { favouriteOf, linesOf, type ServiceLine } from "./rows";
import { ServiceList } from "./ServiceList";
import type { RowActs } from "./ServiceRow";
import "./services.css";
import { ConnectionLine, InsteadOfList, NothingMatches } from "./States";
import { words } from "./words";

interface Props {
  watched: Watched;
  /** Choices of context and namespace. */
  places: ReactNode;
  /** What stands at the right end of the bar. */
  end?: ReactNode;
  /** Asks for the sheet, filled like this. */
  onSheet: (wish: InterceptWish) => void;
  onLookAgain: () => void;
  onAllNamespaces: () => void;
}

export function ServicesScreen({ watched, places, end, onSheet, onLookAgain, onAllNamespaces }: Props) {
  const { context } = watched;
  const [filter, setFilter] = useState("");
  const [isOnlyOpen, setIsOnlyOpen] = useState(false);
  const { lines, listeners, targetOf, acts, start } = useServices(watched, filter, isOnlyOpen, onSheet);
  const [chosen, setChosen] = useState<string | null>();
  const services = lines.filter((line) => line.kind === "service");
  const active = chosen === undefined ? services.find(({ mine }) => mine)?.id ?? null : chosen;
  const line = services.find(({ id }) => id === active) ?? null;
  const list = useRef<HTMLDivElement>(null);
  const enterList = () => { list.current?.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus(); };

  return (
    <main className="services">
      <header className="services-bar">
        {places}
        <FilterField count={watched.services.length} value={filter} onChange={setFilter} onLeave={enterList} />
        <div className="services-only"><Checkbox isSelected={isOnlyOpen} onChange={setIsOnlyOpen}>{words.onlyMine}</Checkbox></div>
        {end}
      </header>
      <ConnectionLine watched={watched} onLookAgain={onLookAgain} />
      <div className={line ? "services-body services-body-pane" : "services-body"}>
        {watched.services.length === 0 || watched.error
          ? <InsteadOfList watched={watched} onLookAgain={onLookAgain} onAllNamespaces={onAllNamespaces} />
          : lines.length === 0
            ? <NothingMatches filter={filter} onClear={() => { setFilter(""); setIsOnlyOpen(false); }} />
            : (
              <ServiceList
                ref={list} lines={lines} active={active} onActive={setChosen} targetOf={targetOf} listeners={listeners} acts={acts}
                onOpen={start}
              />
            )}
        {line && <DetailPane key={line.id} context={context} line={line} onStart={start} onClose={() => { setChosen(null); }} />}
      </div>
    </main>
  );
}

function useServices(watched: Watched, filter: string, isOnlyOpen: boolean, onSheet: (wish: InterceptWish) => void) {
  const bridge = useBridge();
  const { context } = watched;
  const [preferences, prefer] = usePreferences();
  const intercepts = useIntercepts();
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const { answer } = useAnswer(useCallback(() => bridge.ask("list_listeners", {}), [bridge]));
  const listeners = answer.state === "answered" ? answer.value : noListeners;

  useEffect(() => {
    const timer = window.setTimeout(() => { prepare(watched.services); }, 200);
    return () => { window.clearTimeout(timer); };
  }, [watched.services]);

  const favourites = preferences?.favourites ?? noFavourites;
  const found = useMemo(() => matching(watched.services, filter), [watched.services, filter]);
  const lines = useMemo(() => {
    const open = isOnlyOpen ? found.filter(({ obstacle }) => obstacle === null) : found;
    return linesOf(open, { context, intercepts, favourites });
  }, [found, isOnlyOpen, context, intercepts, favourites]);

  const targetOf = useCallback((line: ServiceLine) => {
    const { namespace, name: service } = line.service;
    const last = preferences ? lastWish(preferences, { context, namespace, service })?.target : undefined;
    return typed.get(line.id) ?? last ?? "";
  }, [typed, preferences, context]);

  const start = useCallback((line: ServiceLine) => {
    if (preferences && line.service.obstacle === null && !line.mine) onSheet({ ...wishFor(context, line.service, preferences), target: targetOf(line) });
  }, [preferences, context, onSheet, targetOf]);

  const acts: RowActs = useMemo(() => ({
    onStar: ({ service, isFavourite }) => {
      const name = favouriteOf(context, service);
      prefer({ favourites: isFavourite ? favourites.filter((each) => each !== name) : [...favourites, name] }).catch(() => undefined);
    },
    onSwitch: (line) => {
      if (line.mine) bridge.ask("stop_intercept", { key: line.mine.key }).catch(() => undefined);
      else start(line);
    },
    onTarget: (line, target) => { setTyped((before) => new Map(before).set(line.id, target.replace(/^:/, ""))); },
  }), [context, prefer, favourites, bridge, start]);

  return { lines, listeners, targetOf, acts, start };
}

const noListeners: never[] = [];
const noFavourites: never[] = [];
