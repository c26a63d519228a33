// Everything that events tell, as one value that is replaced and never changed.

import type {
  CommandError, Connection, DeskEvent, InterceptView, Preferences, ServiceSummary, ServicesChange, StoreUsage, TimelineEntry,
  TrafficView,
} from "../bindings/wire";

/** The Services that are watched. */
export interface Watched {
  context: string;
  /** The namespace that is watched, or all. */
  namespace: string | null;
  connection: Connection;
  /** Whether the Services were known once. */
  isKnown: boolean;
  /** By namespace and name. */
  services: readonly ServiceSummary[];
  notes: readonly string[];
  /** Why they cannot be watched. */
  error: CommandError | null;
}

/** Of the program itself: nothing until it has answered. */
export interface Program {
  version: string;
  owner: string;
  missing: readonly string[];
  hasTray: boolean;
}

export interface Snapshot {
  program: Program | null;
  /** Why the program did not answer. */
  error: CommandError | null;
  preferences: Preferences | null;
  intercepts: readonly InterceptView[];
  traffic: ReadonlyMap<number, TrafficView>;
  watched: Watched | null;
  /** The newest last. */
  timeline: readonly TimelineEntry[];
  usage: StoreUsage | null;
  /** Grows whenever the contexts have changed. */
  contextsRound: number;
}

export const nothingYet: Snapshot = {
  program: null, error: null, preferences: null, intercepts: [], traffic: new Map(), watched: null, timeline: [], usage: null,
  contextsRound: 0,
};

const keptTimeline = 500;

/** What is known after an event. */
export function after(known: Snapshot, event: DeskEvent): Snapshot {
  switch (event.kind) {
    case "contexts":
      return { ...known, contextsRound: known.contextsRound + 1 };
    case "services":
      return { ...known, watched: afterServices(known.watched, event) };
    case "intercepts":
      return { ...known, intercepts: event.intercepts, traffic: without(known.traffic, event.intercepts) };
    case "traffic":
      return { ...known, traffic: new Map(known.traffic).set(event.key, event.view) };
    case "requests":
      return { ...known, usage: event.usage };
    case "timeline": {
      const { at, what, key, sentence } = event;
      return { ...known, timeline: [...known.timeline.slice(1 - keptTimeline), { at, what, key, sentence }] };
    }
    case "preferences":
      return { ...known, preferences: event.preferences };
    case "go":
      return known;
  }
}

function without(traffic: Snapshot["traffic"], intercepts: InterceptView[]): Snapshot["traffic"] {
  const gone = [...traffic.keys()].filter((key) => !intercepts.some((each) => each.key === key));
  if (gone.length === 0) return traffic;
  return new Map([...traffic].filter(([key]) => !gone.includes(key)));
}

const nameOf = (service: ServiceSummary) => `${service.namespace}/${service.name}`;
const collator = new Intl.Collator("en", { numeric: true });
const inOrder = (left: ServiceSummary, right: ServiceSummary) =>
  collator.compare(left.namespace, right.namespace) || collator.compare(left.name, right.name);

/** What is watched after a change of it; changes of another context are of a watch that has been left. */
export function afterServices(watched: Watched | null, news: ServicesChange): Watched | null {
  if (watched?.context !== news.context) return watched;
  const told = {
    context: news.context, namespace: news.namespace, connection: news.connection, notes: news.notes, error: null,
    isKnown: watched.isKnown || news.isWhole,
  };
  if (!news.isWhole && news.changed.length === 0 && news.removed.length === 0) return { ...told, services: watched.services };
  const base = new Map((news.isWhole ? [] : watched.services).map((each) => [nameOf(each), each]));
  for (const [namespace, name] of news.removed) base.delete(`${namespace}/${name}`);
  for (const each of news.changed) base.set(nameOf(each), each);
  return { ...told, services: [...base.values()].sort(inOrder) };
}
