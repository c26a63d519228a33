// One act of the program on request: whether it is under way, and why it was refused the last time.

import { useState } from "react";

import type { CommandError } from "../bindings/wire";
import { asRefusal } from "./bridge";

export interface Act {
  isUnderway: boolean;
  error: CommandError | null;
  begin: () => void;
}

/** `onDone` follows an act that was not refused. */
export function useAct<T>(act: () => Promise<T>, onDone: (answer: T) => void = () => undefined): Act {
  const [isUnderway, setIsUnderway] = useState(false);
  const [error, setError] = useState<CommandError | null>(null);
  const begin = () => {
    setIsUnderway(true);
    setError(null);
    act()
      .then(onDone, (thrown: unknown) => { setError(asRefusal(thrown).error); })
      .finally(() => { setIsUnderway(false); });
  };
  return { isUnderway, error, begin };
}
