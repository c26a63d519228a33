import type { CommandError } from "../../bindings/wire";

/** What is wrong with a field, below it. */
export function FieldError({ error, field }: { error: CommandError | null; field: string }) {
  if (error?.field !== field) return null;
  return <p className="field-error" role="alert">{error.message} {error.hint}</p>;
}
