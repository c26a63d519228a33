// Where the time went, as a bar and in words, so that what is slow is blamed rightly.

import type { Exchange } from "../../bindings/wire";
import { durationWords } from "./format";

export interface TimePart {
  id: "way" | "connect" | "send" | "program" | "body";
  words: string;
  micros: number;
}

/** The parts that are known, in the order of time. */
export function timeParts({ times, outcome }: Pick<Exchange, "times" | "outcome">): TimePart[] {
  const parts: TimePart[] = [];
  const add = (id: TimePart["id"], words: string, micros: number | null) => {
    if (micros !== null && micros >= 0) parts.push({ id, words, micros });
  };
  const { proxy, connect, sent, firstByte, lastByte } = times;
  add("way", "proxy to laptop", proxy === null || proxy === undefined ? null : -proxy);
  add("connect", "connect", connect ?? null);
  const from = connect ?? 0;
  const isSent = sent !== null && sent !== undefined && (firstByte === null || firstByte === undefined || sent <= firstByte);
  if (isSent) add("send", "sent", sent - from);
  const answered = firstByte ?? null;
  const who = outcome.kind === "answeredByCluster" || outcome.kind === "fellBack" ? "origin" : outcome.kind === "mocked" ? "mock" : "your program";
  if (answered !== null) add("program", who, answered - Math.max(from, isSent ? sent : 0));
  if (answered !== null && lastByte !== null && lastByte !== undefined) add("body", "body", lastByte - answered);
  return parts;
}

export function Timing({ exchange }: { exchange: Exchange }) {
  const parts = timeParts(exchange);
  const total = parts.reduce((sum, { micros }) => sum + micros, 0);
  if (parts.length === 0 || total === 0) return null;
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, { micros }) => sum + micros, 0));
  return (
    <div className="timing" role="group" aria-label="Where the time went">
      <svg className="timing-bar" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden>
        {parts.map(({ id, micros }, index) => (
          <rect
            key={id} className={`timing-${id}`} x={Math.min(((starts[index] ?? 0) / total) * 1000, 996)}
            width={Math.max(4, (micros / total) * 1000 - 2)} height="8"
          />
        ))}
      </svg>
      <ul className="timing-words">
        {parts.map(({ id, words, micros }) => (
          <li key={id}>
            <svg className="timing-mark" viewBox="0 0 8 8" aria-hidden><rect className={`timing-${id}`} width="8" height="8" /></svg>
            {words} <b>{durationWords(micros)}</b>
          </li>
        ))}
        <li className="timing-all"><b>{durationWords(total)}</b></li>
      </ul>
    </div>
  );
}
