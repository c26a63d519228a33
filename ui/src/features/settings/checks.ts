// What a setting may be. The program judges again; this says it before the question.

import { words } from "./words";

/** RFC 9110's token: what a header name consists of. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

export const headerProblem = (name: string): string | null => (token.test(name) ? null : words.header.wrong);

export const valueProblem = (value: string): string | null =>
  value === value.trim() && /^\P{Cc}*$/u.test(value) ? null : words.value.wrong;

export const limits = { megabytes: { least: 16, most: 65_536 }, count: { least: 100, most: 1_000_000 } } as const;

export function rangeProblem(value: number, { least, most }: { least: number; most: number }): string | null {
  return Number.isInteger(value) && value >= least && value <= most ? null : words.range(least, most);
}

/** A header to cover as well: named rightly, and not there yet. */
export function coveredProblem(name: string, covered: string[]): string | null {
  if (covered.some((one) => one.toLowerCase() === name.toLowerCase())) return words.covered.twice;
  return headerProblem(name);
}
