// What the field knows of the filter language: names, meanings, values, and where tokens begin and end.
// Whether a filter can be read is the program's to judge: docs/filter.md has the grammar.

export interface FilterField {
  name: string;
  meaning: string;
  /** Values to offer; those that were seen are added by the caller. */
  values?: readonly string[];
}

const states = ["error", "answered", "mocked", "fellback", "cluster", "reset", "timedout", "failed", "inflight", "imported", "pinned", "replayed", "edited"] as const;
const parts = ["body", "reqbody", "resbody", "trailers", "response", "query", "source", "pod", "cut"] as const;

export const filterFields: readonly FilterField[] = [
  { name: "status", meaning: "the answer's status", values: [">=500", "5xx", "4xx", "2xx", "404"] },
  { name: "method", meaning: "the method", values: ["GET", "POST", "PUT", "PATCH", "DELETE"] },
  { name: "path", meaning: "the path, without the query" },
  { name: "slow", meaning: "longer than, such as 300ms", values: ["300ms", "1s", "5s"] },
  { name: "body", meaning: "text in either body" },
  { name: "header", meaning: "a header, such as x-user=42" },
  { name: "svc", meaning: "name of the Service" },
  { name: "is", meaning: "how it ended, what sets it apart", values: states },
  { name: "has", meaning: "what it has", values: parts },
  { name: "query", meaning: "what follows the question mark" },
  { name: "host", meaning: "the Host header" },
  { name: "url", meaning: "host, path and query" },
  { name: "reqheader", meaning: "a header of the request" },
  { name: "resheader", meaning: "a header of the answer" },
  { name: "reqbody", meaning: "text in the request's body" },
  { name: "resbody", meaning: "text in the answer's body" },
  { name: "size", meaning: "both bodies' size, such as >10kb", values: [">10kb", ">1mb"] },
  { name: "reqsize", meaning: "size of the request's body" },
  { name: "ressize", meaning: "size of the answer's body" },
  { name: "took", meaning: "from first byte to last, such as >300ms", values: [">300ms", "<10ms"] },
  { name: "type", meaning: "the answer's media type", values: ["json", "html", "image", "grpc"] },
  { name: "protocol", meaning: "what was spoken", values: ["http1", "http2", "grpc", "ws", "sse", "bytes"] },
  { name: "ns", meaning: "the namespace" },
  { name: "context", meaning: "the cluster's context" },
  { name: "intercept", meaning: "the intercept's id" },
  { name: "port", meaning: "the Service's port" },
  { name: "source", meaning: "the caller's address or pod" },
  { name: "pod", meaning: "the caller's pod" },
  { name: "id", meaning: "the number in the list" },
  { name: "replayof", meaning: "replays of that number" },
  { name: "since", meaning: "began at most so long ago", values: ["1m", "10m", "1h"] },
  { name: "before", meaning: "began longer ago than", values: ["10m", "1h"] },
];

const known = new Set([...filterFields.map((field) => field.name), "duration", "proto", "service", "namespace", "ctx", "from", "not", "or"]);

export type TokenKind = "sign" | "field" | "value" | "text" | "join";

export interface Token {
  at: number;
  text: string;
  kind: TokenKind;
}

/** The filter in coloured pieces; nothing but spaces is left out. */
export function tokensOf(filter: string): Token[] {
  const tokens: Token[] = [];
  const piece = /(?<join>[()|,])|(?<term>-?(?:[a-z]+:)?(?:"(?:[^"\\]|\\.)*"?|[^\s()|"])*)/giy;
  let at = 0;
  while (at < filter.length) {
    piece.lastIndex = at;
    const found = piece.exec(filter);
    const text = found?.[0] ?? "";
    if (text === "") {
      at += 1;
      continue;
    }
    if (found?.groups?.join !== undefined) tokens.push({ at, text, kind: "join" });
    else tokens.push(...termTokens(text, at));
    at += text.length;
  }
  return tokens;
}

function termTokens(text: string, at: number): Token[] {
  const sign = text.startsWith("-") ? "-" : "";
  const rest = text.slice(sign.length);
  const tokens: Token[] = sign ? [{ at, text: sign, kind: "sign" }] : [];
  const name = /^([a-z]+):/i.exec(rest)?.[1];
  if (name === undefined || !known.has(name.toLowerCase())) {
    if (rest) tokens.push({ at: at + sign.length, text: rest, kind: "text" });
    return tokens;
  }
  const value = rest.slice(name.length + 1);
  tokens.push({ at: at + sign.length, text: `${name}:`, kind: "field" });
  if (value) tokens.push({ at: at + sign.length + name.length + 1, text: value, kind: "value" });
  return tokens;
}

export interface Completion {
  /** What is written in place of the token. */
  insert: string;
  meaning: string;
}

export interface Completions {
  from: number;
  to: number;
  options: Completion[];
}

const none: Completions = { from: 0, to: 0, options: [] };

/** What could stand where the caret is. `seen` has values of fields that were seen in the list. */
export function completionsAt(filter: string, caret: number, seen: Readonly<Record<string, readonly string[]>> = {}): Completions {
  const before = /-?[^\s()|,]*$/.exec(filter.slice(0, caret))?.[0] ?? "";
  if (before.includes('"')) return none;
  const sign = before.startsWith("-") ? "-" : "";
  const word = before.slice(sign.length).toLowerCase();
  const from = caret - before.length;
  const colon = word.indexOf(":");
  if (colon < 0) return { from, to: caret, options: fieldOptions(word, sign) };
  const field = filterFields.find(({ name }) => name === word.slice(0, colon));
  if (!field) return none;
  const start = word.slice(colon + 1);
  const values = [...new Set([...(field.values ?? []), ...(seen[field.name] ?? [])])];
  const options = values
    .filter((value) => value.toLowerCase().startsWith(start) && value.toLowerCase() !== start)
    .slice(0, 12)
    .map((value) => ({ insert: `${sign}${field.name}:${quoted(value)} `, meaning: "" }));
  return { from, to: caret, options };
}

function fieldOptions(word: string, sign: string): Completion[] {
  const begins = filterFields.filter(({ name }) => name.startsWith(word));
  const has = filterFields.filter(({ name }) => word.length > 1 && !name.startsWith(word) && name.includes(word));
  return [...begins, ...has].slice(0, 12).map(({ name, meaning }) => ({ insert: `${sign}${name}:`, meaning }));
}

/** A value as it must be written: with quotes where it has something of the grammar in it. */
export function quoted(value: string): string {
  if (/^[\w./:@-][\w./:@*<>=-]*$/.test(value) || /^[<>]=?[\w.]+$/.test(value)) return value;
  return `"${value.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t")}"`;
}

/** The filter with one more term. A filter with `|` is put into parentheses first. */
export function withTerm(filter: string, term: string): string {
  const text = filter.trim();
  if (text === "") return term;
  if (tokensOf(text).some((token) => token.text === term)) return text;
  return `${wrapped(text)} ${term}`;
}

/** In parentheses where a term beside it would bind closer than what is in it. */
export function wrapped(filter: string): string {
  const text = filter.trim();
  return tokensOf(text).some(({ kind, text: sign }) => kind === "join" && sign === "|") ? `(${text})` : text;
}

const health =
  '(path:=/healthz | path:=/health | path:=/livez | path:=/readyz | path:=/ready | path:=/live | path:^/grpc.health.v1.Health/ | reqheader:user-agent=^kube-probe/)';

/** What is asked when health checks are left out. */
export const withoutHealth = (filter: string): string => `${wrapped(filter)} -${health}`.trim();

/** Only the health checks of it. */
export const onlyHealth = (filter: string): string => `${wrapped(filter)} ${health}`.trim();
