// What the status strip says.

import type { InterceptView, TrafficView } from "../bindings/wire";
import type { Watched } from "../state/snapshot";

export type Tone = "idle" | "good" | "warn" | "bad";

export const isLive = ({ phase }: InterceptView) => phase.phase !== "closed";
const isActive = ({ phase }: InterceptView) => phase.phase === "active" || phase.phase === "reconnecting" || phase.phase === "displaced";

export function placeWords(watched: Watched | null): { words: string; tone: Tone } {
  if (!watched) return { words: "No cluster chosen", tone: "idle" };
  const place = `${watched.context} / ${watched.namespace ?? "all namespaces"}`;
  if (watched.error) return { words: `${place} · not connected`, tone: "bad" };
  if (watched.connection.state === "connecting") return { words: `${place} · connecting`, tone: "idle" };
  if (watched.connection.state === "reconnecting") return { words: `${place} · reconnecting`, tone: "warn" };
  return { words: place, tone: "good" };
}

export function activeWords(intercepts: readonly InterceptView[]): string {
  const live = intercepts.filter(isLive);
  const active = live.filter(isActive).length;
  const others = live.length - active;
  if (live.length === 0) return "No intercept";
  const words = active === 1 ? "1 intercept active" : `${active} intercepts active`;
  return others === 0 ? words : `${words}, ${others} changing`;
}

/** The state of all ways to the laptop in a few words; nothing where there are none. */
export function relayWords(intercepts: readonly InterceptView[]): { words: string; tone: Tone } | null {
  const troubled = intercepts.find((each) => isLive(each) && each.trouble !== null);
  if (troubled) return { words: `${troubled.wish.service}: ${troubled.trouble ?? ""}`, tone: "bad" };
  const relays = intercepts.filter(isActive).flatMap((each) => each.relays);
  if (relays.length === 0) return null;
  const open = relays.filter((each) => each.isOpen).length;
  if (open === relays.length) return { words: "relay open", tone: "good" };
  if (open === 0) return { words: "relay closed, the origin answers", tone: "bad" };
  return { words: `relay open to ${open} of ${relays.length} proxy pods`, tone: "warn" };
}

/** Requests of the last minute to what is intercepted now. */
export function minuteOf(
  intercepts: readonly InterceptView[], traffic: ReadonlyMap<number, TrafficView>,
): { matched: number; unmatched: number } | null {
  const views = intercepts.filter(isLive).flatMap(({ key }) => traffic.get(key) ?? []);
  if (views.length === 0) return null;
  const seconds = views.flatMap((view) => view.seconds.slice(-60));
  return {
    matched: seconds.reduce((sum, each) => sum + each.matched, 0),
    unmatched: seconds.reduce((sum, each) => sum + each.unmatched, 0),
  };
}
