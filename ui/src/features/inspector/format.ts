// How numbers, moments and paths are written in the list and the detail. Nothing here knows React.

import type { Gap, Moment, Outcome, Summary, Text } from "../../bindings/wire";

const two = (value: number) => String(value).padStart(2, "0");

/** `14:07:41`, by the clock of this computer. */
export function clockTime(moment: Moment): string {
  const date = new Date(moment / 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `14:07:41.412`. */
export function exactTime(moment: Moment): string {
  return `${clockTime(moment)}.${String(Math.floor(moment / 1000) % 1000).padStart(3, "0")}`;
}

export interface Measure {
  amount: string;
  unit: string;
}

/** Microseconds, with three digits at most. */
export function duration(micros: number): Measure {
  const ms = micros / 1000;
  if (ms < 1) return { amount: ms.toFixed(1), unit: "ms" };
  if (ms < 1000) return { amount: ms < 10 ? trim(ms.toFixed(1)) : ms.toFixed(0), unit: "ms" };
  const seconds = ms / 1000;
  if (seconds < 60) return { amount: seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1), unit: "s" };
  return { amount: (seconds / 60).toFixed(1), unit: "min" };
}

export const durationWords = (micros: number): string => {
  const { amount, unit } = duration(micros);
  return `${amount} ${unit}`;
};

const trim = (text: string) => text.replace(/\.0$/, "");

/** Powers of 1000, as the filter's `kb` and `mb`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** What passed, as a string: bytes that are not UTF-8 stay visible as their base64. */
export function shown(text: Text): string {
  return typeof text === "string" ? text : `base64:${text.base64}`;
}

/** Shortened in the middle: the beginning names the resource, the end tells one request from the next. */
export function shortPath(path: string, most: number): string {
  if (path.length <= most) return path;
  const tail = Math.floor((most - 1) * 0.55);
  return `${path.slice(0, most - 1 - tail)}…${path.slice(path.length - tail)}`;
}

/** 1 to 5 for a status, 0 where there is none. */
export const statusClass = (status: number | null | undefined): number => (status ? Math.floor(status / 100) : 0);

const colouredMethods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
export const methodClass = (method: string): string => (colouredMethods.has(method) ? method.toLowerCase() : "other");

/** Methods that only read: they are sent again without asking. */
export const isSafeMethod = (method: string): boolean => ["GET", "HEAD", "OPTIONS", "TRACE"].includes(method.toUpperCase());

/** How much of the bar is filled: four decades from 1 ms on, so that 5 ms and 5 s are both seen. */
export function durationShare(micros: number): number {
  const decades = Math.log10(Math.max(1, micros / 1000)) / 4;
  return Math.min(1, Math.max(0.02, decades));
}

export const isBroken = (outcome: Outcome): boolean => ["reset", "timedOut", "failed"].includes(outcome.kind);

/** Where a row stands among others: the newer, the greater. */
export const momentOf = (row: Summary | Gap): Moment => ("exchanges" in row ? row.to : row.began);
