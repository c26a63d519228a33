// One setting: its name, what it does, its control, and what went wrong with it.

import type { ReactNode } from "react";

import type { CommandError } from "../../bindings/wire";

interface Props {
  name: string;
  help?: string | undefined;
  /** What the user typed wrong, or why it could not be saved. */
  error?: CommandError | string | null;
  /** Under the words rather than beside them. */
  isWide?: boolean;
  children?: ReactNode;
}

export function Setting({ name, help, error = null, isWide = false, children }: Props) {
  return (
    <div className={isWide ? "setting setting-wide" : "setting"} role="group" aria-label={name}>
      <div className="setting-words">
        <div className="setting-name">{name}</div>
        {help !== undefined && <p className="setting-help">{help}</p>}
        {error !== null && <p className="setting-error" role="alert">{typeof error === "string" ? error : `${error.message} ${error.hint}`}</p>}
      </div>
      <div className="setting-control">{children}</div>
    </div>
  );
}
