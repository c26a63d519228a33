// What events tell, for views.

import { createContext, useContext, useSyncExternalStore } from "react";

import type { InterceptView, Preferences, TimelineEntry, StoreUsage, TrafficView } from "../bindings/wire";
import type { Program, Snapshot, Watched } from "./snapshot";
import type { Store } from "./store";

export const StoreContext = createContext<Store | null>(null);

export function useStore(): Store {
  const store = useContext(StoreContext);
  if (!store) throw new Error("a view must stand inside StoreContext");
  return store;
}

/** A part of what is known; the view is drawn again when it is another value. Return parts, never new objects. */
export function useKnown<Part>(part: (known: Snapshot) => Part): Part {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => part(store.get()));
}

export const useProgram = (): Program | null => useKnown((known) => known.program);
/** The oldest first, those that have ended and were not dismissed among them. */
export const useIntercepts = (): readonly InterceptView[] => useKnown((known) => known.intercepts);
export const useTraffic = (key: number | null): TrafficView | null =>
  useKnown((known) => (key === null ? null : known.traffic.get(key) ?? null));
/** Of all intercepts, by key. */
export const useAllTraffic = (): ReadonlyMap<number, TrafficView> => useKnown((known) => known.traffic);
export const useWatched = (): Watched | null => useKnown((known) => known.watched);
export const useTimeline = (): readonly TimelineEntry[] => useKnown((known) => known.timeline);
export const useUsage = (): StoreUsage | null => useKnown((known) => known.usage);

/** What the user prefers, and how to change it. Nothing until the program has answered. */
export function usePreferences(): [Preferences | null, Store["prefer"]] {
  return [useKnown((known) => known.preferences), useStore().prefer];
}
