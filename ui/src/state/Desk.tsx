// Hands the store to everything inside, and begins it.

import { useEffect, useState, type ReactNode } from "react";

import { useBridge } from "../bridge/use-bridge";
import { createStore } from "./store";
import { StoreContext } from "./use-desk";

export function Desk({ children }: { children: ReactNode }) {
  const bridge = useBridge();
  const [store] = useState(() => createStore(bridge));
  useEffect(() => store.begin(), [store]);
  return <StoreContext value={store}>{children}</StoreContext>;
}
