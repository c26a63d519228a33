// Acts that a screen offers to the command palette and the sheet of shortcuts while it stands.

import { createContext, useContext, useEffect } from "react";

export interface Offer {
  id: string;
  /** As a person would ask for it: "Stop all intercepts". */
  title: string;
  /** Heading in the palette and the sheet: "Inspector". */
  group: string;
  /** For showing only: the screen handles its keys itself. Written like "Ctrl K". */
  keys?: string;
  run: () => void;
}

export interface Offers {
  get: () => readonly Offer[];
  subscribe: (onChange: () => void) => () => void;
  offer: (acts: readonly Offer[]) => () => void;
}

export function createOffers(): Offers {
  let all: readonly Offer[] = [];
  const onChanges = new Set<() => void>();
  const set = (next: readonly Offer[]) => {
    all = next;
    for (const onChange of onChanges) onChange();
  };
  return {
    get: () => all,
    subscribe: (onChange) => {
      onChanges.add(onChange);
      return () => { onChanges.delete(onChange); };
    },
    offer: (acts) => {
      set([...all, ...acts]);
      return () => { set(all.filter((act) => !acts.includes(act))); };
    },
  };
}

export const OffersContext = createContext<Offers>(createOffers());

/** Offers acts for as long as the view stands. Keep the list stable with useMemo. */
export function useOffer(acts: readonly Offer[]): void {
  const { offer } = useContext(OffersContext);
  useEffect(() => offer(acts), [offer, acts]);
}
