// The line of places a request passes, from what is known: the intercept's own state, then a probe where one was made.

import type { Hop, HopPlace, InterceptView, ProbeReport, TargetCheck, TrafficView } from "../../bindings/wire";
import { number, placeJobs, type StopPlace } from "./words";

export type StopState = "good" | "wait" | "bad" | "unknown";

export interface Stop {
  place: StopPlace;
  state: StopState;
  /** Two or three words under the name. */
  short: string;
  /** In a sentence: what was seen last, or what the place is for. */
  words: string;
  /** From the stop before, in microseconds; only a probe knows. */
  took: number | null;
}

export interface Known {
  view: InterceptView;
  traffic: TrafficView | null;
  probe: ProbeReport | null;
  target: TargetCheck | null;
}

const openRelays = (view: InterceptView): number => view.relays.filter((relay) => relay.isOpen).length;

const isUp = ({ phase: { phase } }: InterceptView): boolean =>
  phase === "active" || phase === "reconnecting" || phase === "displaced";

/** Whether requests that match are answered by the origin, as far as is known. */
export function isOriginAlone({ view, target }: Known): boolean {
  return view.phase.phase !== "active" || openRelays(view) === 0 || target?.isListening === false;
}

export const isOver = ({ phase: { phase } }: InterceptView): boolean => phase === "closing" || phase === "closed";

/** A cause as the program says it, as a sentence of its own. */
const sentence = (cause: string): string => `${cause.slice(0, 1).toUpperCase()}${cause.slice(1).replace(/\.$/, "")}.`;

type Seen = Pick<Stop, "state" | "short"> & { words?: string };

const waiting: Seen = { state: "wait", short: "not there yet" };
const gone: Seen = { state: "unknown", short: "taken out" };

function beforeOrAfter({ phase: { phase } }: InterceptView): Seen {
  return phase === "planning" || phase === "applying" ? waiting : gone;
}

function callers({ traffic }: Known): Seen {
  const minute = (traffic?.seconds ?? []).slice(-60);
  const sum = minute.reduce((all, second) => all + second.matched + second.unmatched + second.unseen, 0);
  if (traffic === null) return { state: "unknown", short: "not seen yet" };
  return { state: sum > 0 ? "good" : "wait", short: sum > 0 ? `${number(sum)} a minute` : "quiet" };
}

function service({ view }: Known): Seen {
  if (view.phase.phase === "displaced") {
    const words = `${view.phase.by} changed the Service's selector: requests go past the proxy. Stop the intercept and start it again to take them back.`;
    return { state: "bad", short: "selector changed", words };
  }
  if (isUp(view)) return { state: "good", short: "selects the proxy" };
  return view.phase.phase === "planning" || view.phase.phase === "applying"
    ? { state: "wait", short: "not switched yet" }
    : { state: "good", short: "as it was" };
}

function proxy({ view }: Known): Seen {
  if (!isUp(view)) return beforeOrAfter(view);
  if (view.relays.length === 0) return { state: "bad", short: "no pod seen", words: "No proxy pod is known. Requests go to the original pods." };
  return { state: "good", short: view.relays.length === 1 ? "1 pod" : `${number(view.relays.length)} pods` };
}

function gate({ view, target }: Known): Seen {
  if (!isUp(view)) return beforeOrAfter(view);
  if (openRelays(view) === 0) {
    return { state: "wait", short: "shut", words: "The gate is shut because no relay is open. The origin answers. It opens with the relay." };
  }
  if (target?.isListening === false) {
    return { state: "wait", short: "open, program away", words: "The gate is open, but your program does not take connections: what comes is sent back to the origin." };
  }
  return { state: "good", short: "open" };
}

function relay({ view }: Known): Seen {
  if (!isUp(view)) return beforeOrAfter(view);
  const open = openRelays(view);
  const why = view.relays.find((one) => !one.isOpen)?.why;
  if (open === 0) {
    return { state: "bad", short: "not connected", words: `No relay is open${why ? `: ${why}` : ""}. It connects again by itself; the origin answers meanwhile.` };
  }
  if (open < view.relays.length) {
    return {
      state: "wait",
      short: `${number(open)} of ${number(view.relays.length)} open`,
      words: `One relay is not open${why ? `: ${why}` : ""}. Requests that reach its pod go to the origin.`,
    };
  }
  return { state: "good", short: "connected" };
}

function laptop({ view }: Known): Seen {
  return isUp(view) ? { state: "good", short: "listening" } : beforeOrAfter(view);
}

function program({ view, target }: Known): Seen {
  if (target === null) return { state: "unknown", short: "not looked yet" };
  if (target.isListening) return { state: "good", short: view.target };
  return { state: "bad", short: "nothing listens", words: target.why ? sentence(target.why) : `Nothing takes connections on ${view.target}.` };
}

function origin(known: Known): Seen {
  if (!isUp(known.view)) return { state: "good", short: "answers everything" };
  return isOriginAlone(known) ? { state: "good", short: "answers everything" } : { state: "good", short: "answers the rest" };
}

const seen: Record<StopPlace, (known: Known) => Seen> = { callers, service, proxy, gate, relay, laptop, program, origin };

/** In the order of the way; the origin stands beside it. */
export const places: StopPlace[] = ["callers", "service", "proxy", "gate", "relay", "laptop", "program", "origin"];

/** The rule lives in the proxy, so the line shows both as one place: the one that stopped wins. */
function hopOf(hops: Hop[], place: StopPlace): Hop | null {
  const named = (what: HopPlace) => hops.find((hop) => hop.what === what) ?? null;
  const rule = named("rule");
  if (place === "proxy" && rule?.state === "stopped") return rule;
  return place === "callers" || place === "origin" ? null : named(place);
}

function probed(live: Seen, hop: Hop): Seen {
  if (hop.state === "unknown") return { state: live.state === "bad" ? "bad" : "unknown", short: live.short, words: hop.words };
  if (hop.state === "stopped") return { state: "bad", short: live.state === "bad" ? live.short : "stops here", words: hop.words };
  return live.state === "bad" ? live : { state: "good", short: live.state === "good" ? live.short : "passed", words: hop.words };
}

/** A probe tells when each place was passed since the request was asked for; a segment is what lies between two of them. */
function segment(hops: Hop[], hop: Hop): number | null {
  if (hop.took === undefined || hop.took === null) return null;
  const before = hops.slice(0, hops.indexOf(hop)).map((one) => one.took ?? 0);
  return Math.max(0, hop.took - Math.max(0, ...before));
}

/** Every place with its state. */
export function wayOf(known: Known): Stop[] {
  const hops = known.probe?.hops ?? [];
  return places.map((place) => {
    const live = seen[place](known);
    const hop = hopOf(hops, place);
    const told = hop ? probed(live, hop) : live;
    return { place, state: told.state, short: told.short, words: told.words ?? placeJobs[place], took: hop ? segment(hops, hop) : null };
  });
}

/** What to look at first: the place that is broken, the earliest where there are several. */
export const firstBroken = (way: Stop[]): StopPlace | null => way.find((stop) => stop.state === "bad")?.place ?? null;
