// What the window asks of the program, and what the desktop does for it. `tauri.ts` asks the real one, `fake/` makes it up.

import type { CommandError, Commands, DeskEvent } from "../bindings/wire";

export type CommandName = keyof Commands;
export type Question<Name extends CommandName> = Commands[Name]["takes"];
export type AnswerOf<Name extends CommandName> = Commands[Name]["answers"];

/** Things of the desktop. */
export interface Shell {
  copyText: (text: string) => Promise<void>;
  /** Asks for a file to read; nothing where the user changed their mind. */
  openFile: (wish: { title: string; extensions: string[] }) => Promise<string | null>;
  /** Asks for a file to write. */
  saveFile: (wish: { title: string; suggested: string }) => Promise<string | null>;
  /** Ends the program after restoring clusters, or hides the window and goes on in the tray. */
  quit: (how: "restore" | "keep") => Promise<void>;
  version: () => Promise<string>;
}

export interface Bridge {
  /** Rejects with a `Refusal`. */
  ask: <Name extends CommandName>(name: Name, question: Question<Name>) => Promise<AnswerOf<Name>>;
  /** Tells every event, until the returned function is called. */
  listen: (hear: (event: DeskEvent) => void) => () => void;
  shell: Shell;
}

/** A refused question, with the program's own words. Rejected promises of a bridge carry nothing else. */
export class Refusal extends Error {
  constructor(readonly error: CommandError) {
    super(error.message);
  }
}

const unexpectedHint = "Try again. If it stays, copy the diagnostics on the Settings screen and report them.";

/** Whatever was thrown, as a refusal that can be shown. */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (isCommandError(thrown)) return new Refusal({ ...thrown, field: thrown.field ?? null, spot: thrown.spot ?? null });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Refusal({ code: "unexpected", message, hint: unexpectedHint, field: null, spot: null });
}

function isCommandError(thrown: unknown): thrown is CommandError {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown && "hint" in thrown;
}
