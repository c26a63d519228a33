// JSON as branches. Numbers keep how they were written: those with many digits do not survive as numbers.

export interface Branch {
  id: string;
  name: string;
  kind: "object" | "array" | "string" | "number" | "literal" | "more";
  words: string;
  isBranch: boolean;
  value: unknown;
}

const mostItems = 500;
const mostLength = 4_000_000;

/** A number as it was written. */
class Written {
  constructor(readonly text: string) {}
}

export function readJson(json: string): Branch | null {
  if (json.length > mostLength) return null;
  try {
    return branch("$", "", JSON.parse(json, keepNumbers) as unknown);
  } catch {
    return null;
  }
}

function keepNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined ? new Written(context.source) : value;
}

export function branchesOf({ id, value }: Branch): Branch[] {
  if (value instanceof Written || typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? value.map((each: unknown, index) => [`[${index}]`, each] as const) : Object.entries(value);
  const shown = entries.slice(0, mostItems).map(([name, each], index) => branch(`${id}/${index}`, name, each));
  const left = entries.length - shown.length;
  if (left > 0) shown.push({ id: `${id}/more`, name: "", kind: "more", words: `${left} more, in the text`, isBranch: false, value: null });
  return shown;
}

function branch(id: string, name: string, value: unknown): Branch {
  const base = { id, name, value, isBranch: false };
  if (value instanceof Written) return { ...base, kind: "number", words: value.text };
  if (typeof value === "string") return { ...base, kind: "string", words: JSON.stringify(value) };
  if (typeof value === "number") return { ...base, kind: "number", words: String(value) };
  if (typeof value !== "object" || value === null) return { ...base, kind: "literal", words: String(value) };
  const isArray = Array.isArray(value);
  const count = isArray ? value.length : Object.keys(value).length;
  const words = isArray ? `[${count}]` : `{${count}}`;
  return { ...base, kind: isArray ? "array" : "object", words, isBranch: count > 0 };
}
