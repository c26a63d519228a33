// Whether request and response fit beside each other.

import { useSyncExternalStore } from "react";

const query = "(min-width: 1100px)";

function subscribe(hear: () => void): () => void {
  const media = window.matchMedia(query);
  media.addEventListener("change", hear);
  return () => { media.removeEventListener("change", hear); };
}

export const useIsWide = (): boolean => useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
