// What the window asks of the program. `tauri.ts` asks the real one, `fake.ts` answers from made-up data.

import type { CommandError, Context, Service } from "../bindings/wire";

export interface Bridge {
  /** The contexts of the kubeconfig, read afresh. Contacts no cluster. */
  listContexts: () => Promise<Context[]>;
  /** The Services that this context may list. Logs in where the kubeconfig says so. */
  listServices: (context: string) => Promise<Service[]>;
  /** Starts the sandbox inside the program; from then on its context is the only one. */
  trySandbox: () => Promise<void>;
}

/** A refused question, with the program's own words. Rejected promises of a bridge carry nothing else. */
export class Refusal extends Error {
  constructor(readonly error: CommandError) {
    super(error.message);
  }
}

const unexpectedHint = "Look again. If it stays, start Intercept from a terminal and report what it prints.";

/** Whatever was thrown, as a refusal that can be shown. */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (isCommandError(thrown)) return new Refusal(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Refusal({ code: "unexpected", message, hint: unexpectedHint });
}

function isCommandError(thrown: unknown): thrown is CommandError {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown && "hint" in thrown;
}
