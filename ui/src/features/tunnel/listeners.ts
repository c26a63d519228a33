import type { Listener } from "../../bindings/wire";

const most = 3;

/** The port at the end of a target, where it has one. */
export function portOf(target: string): number | null {
  const found = /:(\d+)(?:\/|$)/.exec(target) ?? /^(\d+)$/.exec(target);
  return found?.[1] === undefined ? null : Number(found[1]);
}

/** Programs that may be the one that was meant: the nearest ports first, a few of them. */
export function likelyListeners(listeners: Listener[], target: string): Listener[] {
  const wanted = portOf(target) ?? 0;
  return listeners
    .filter((listener) => listener.port !== wanted)
    .sort((one, other) => Math.abs(one.port - wanted) - Math.abs(other.port - wanted))
    .slice(0, most);
}
