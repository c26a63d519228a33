import { useState } from "react";

import type { CommandError, Preferences } from "../../bindings/wire";
import { asRefusal } from "../../bridge/bridge";
import { usePreferences } from "../../state/use-desk";

export interface Saving {
  /** Saves at once; what was there before comes back where the program refuses. */
  save: (change: Partial<Preferences>) => void;
  error: CommandError | null;
}

/** One setting's own way to save, so that a refusal stands where it belongs. */
export function useSave(): Saving {
  const [, prefer] = usePreferences();
  const [error, setError] = useState<CommandError | null>(null);
  const save = (change: Partial<Preferences>) => {
    setError(null);
    prefer(change).catch((thrown: unknown) => { setError(asRefusal(thrown).error); });
  };
  return { save, error };
}
