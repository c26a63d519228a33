// What the inspector says that is put together from parts. Short sentences in the design's terms.

import { counted } from "../../components/counted";
import type { Gap, Hidden, HiddenPart, Outcome, Side, Summary } from "../../bindings/wire";
import { clockTime, durationWords, size } from "./format";

const sides: Record<Side, string> = { caller: "the caller", program: "your program" };

/** How a request ended, in a sentence. */
export function outcomeWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case "inFlight": return "No answer yet.";
    case "answered": return "Your program answered.";
    case "mocked": return "A mock answered. Your program was not asked.";
    case "fellBack": return `The origin answered in place of your program: ${outcome.why}`;
    case "answeredByCluster": return "The origin answered.";
    case "reset": return `The connection was cut by ${sides[outcome.by]}.`;
    case "timedOut": return "Your program did not answer in time.";
    case "failed": return `No answer came: ${outcome.why}`;
    case "imported": return "Read from a file.";
  }
}

/** What stands in the place of a status. */
export function statusWords(summary: Pick<Summary, "status" | "outcome">): string {
  if (summary.status) return String(summary.status);
  switch (summary.outcome.kind) {
    case "inFlight": return "···";
    case "reset": return "cut";
    case "timedOut": return "late";
    case "failed": return "none";
    default: return "–";
  }
}

export interface Tag {
  words: string;
  look: "accent" | "warn" | "bad" | "plain";
}

/** What sets a request apart, in words for its row. */
export function tagsOf({ outcome, tags, protocol, mediaType, status }: Summary): Tag[] {
  const found: Tag[] = [];
  if (tags.pinned) found.push({ words: "pinned", look: "plain" });
  if (tags.edited) found.push({ words: "edited", look: "accent" });
  else if ((tags.replayOf ?? null) !== null) found.push({ words: "replayed", look: "accent" });
  if (outcome.kind === "mocked") found.push({ words: "mocked", look: "accent" });
  if (outcome.kind === "fellBack") found.push({ words: "fell back", look: "warn" });
  if (outcome.kind === "answeredByCluster") found.push({ words: "origin", look: "warn" });
  if (outcome.kind === "imported") found.push({ words: "imported", look: "plain" });
  if (outcome.kind === "reset") found.push({ words: `cut by ${outcome.by === "caller" ? "caller" : "program"}`, look: "bad" });
  if (outcome.kind === "timedOut") found.push({ words: "timed out", look: "bad" });
  if (outcome.kind === "failed") found.push({ words: "failed", look: "bad" });
  const spoken = spokenWords(protocol, mediaType, status);
  if (spoken) found.push({ words: spoken, look: "plain" });
  return found;
}

function spokenWords(protocol: string, mediaType: string | null | undefined, status: number | null | undefined): string | null {
  if (protocol === "bytes") return "bytes";
  if (mediaType?.startsWith("application/grpc")) return "gRPC";
  if (mediaType?.startsWith("text/event-stream")) return "events";
  return status === 101 ? "WebSocket" : null;
}

export function gapWords(gap: Gap): string {
  return `${counted(gap.exchanges, "request")} not recorded: ${gap.why} From ${clockTime(gap.from)} on, ${size(gap.bytes)}.`;
}

/** A row for those who hear it. */
export function rowWords(summary: Summary): string {
  const { method, target, outcome, took } = summary;
  const end = summary.status ? String(summary.status) : outcomeWords(outcome);
  const time = took === null || took === undefined ? "" : `, ${durationWords(took)}`;
  const tags = tagsOf(summary).map(({ words }) => words);
  return [`${method} ${target}`, `${end}${time}`, ...tags].join(", ");
}

export { missWords } from "../../components/miss-words";

const hiddenParts: Record<HiddenPart, string> = {
  target: "the path",
  requestHeaders: "the request's headers",
  requestBody: "the request's body",
  requestTrailers: "the request's trailers",
  responseHeaders: "the answer's headers",
  responseBody: "the answer's body",
  responseTrailers: "the answer's trailers",
};

/** What is covered, as a list in words. */
export function hiddenWords(hidden: readonly Hidden[]): string {
  return [...new Set(hidden.map(({ part }) => hiddenParts[part]))].join(", ");
}

export const bodyUnreadWords = (hidden: readonly Hidden[], part: HiddenPart): string | null => {
  const found = hidden.find((one) => one.part === part && one.where.kind === "body");
  if (found?.where.kind !== "body") return null;
  return found.where.why.kind === "encoded"
    ? `The body is not shown: it is encoded as ${found.where.why.encoding}, so what is secret in it cannot be found.`
    : "What was said after the switch of protocols is not shown: it may hold secrets.";
};
