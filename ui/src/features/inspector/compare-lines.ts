// Both sides as lines beside each other, and where in them a difference stands.

import type { DiffLine } from "../../bindings/wire";

export interface Side {
  number: number;
  text: string;
}

export interface Pairing {
  left: Side | null;
  right: Side | null;
  isSame: boolean;
}

/** With more lines than this they stand side by side as they come. */
const mostLines = 3_000;

/** Lines of both texts, paired where they are the same. */
export function paired(left: string, right: string): Pairing[] {
  const one = left.split("\n");
  const other = right.split("\n");
  let head = 0;
  while (head < one.length && head < other.length && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < one.length - head && tail < other.length - head && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
  const middle = matches(one.slice(head, one.length - tail), other.slice(head, other.length - tail)).map(([a, b]) => [a + head, b + head] as const);
  const ends = Array.from({ length: tail }, (_, index) => [one.length - tail + index, other.length - tail + index] as const);
  const starts = Array.from({ length: head }, (_, index) => [index, index] as const);
  return between(one, other, [...starts, ...middle, ...ends]);
}

/** The longest run of lines that both have, in order. */
function matches(one: string[], other: string[]): [number, number][] {
  if (one.length * other.length > mostLines * 1_000) return [];
  const width = other.length + 1;
  const best = new Uint32Array((one.length + 1) * width);
  const at = (row: number, column: number) => best[row * width + column] ?? 0;
  for (let row = one.length - 1; row >= 0; row -= 1) {
    for (let column = other.length - 1; column >= 0; column -= 1) {
      best[row * width + column] = one[row] === other[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const found: [number, number][] = [];
  let row = 0;
  let column = 0;
  while (row < one.length && column < other.length) {
    if (one[row] === other[column]) {
      found.push([row, column]);
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return found;
}

function between(one: string[], other: string[], same: (readonly [number, number])[]): Pairing[] {
  const rows: Pairing[] = [];
  const side = (lines: string[], index: number): Side => ({ number: index + 1, text: lines[index] ?? "" });
  let row = 0;
  let column = 0;
  for (const [toRow, toColumn] of [...same, [one.length, other.length] as const]) {
    while (row < toRow || column < toColumn) {
      rows.push({ left: row < toRow ? side(one, row) : null, right: column < toColumn ? side(other, column) : null, isSame: false });
      if (row < toRow) row += 1;
      if (column < toColumn) column += 1;
    }
    if (row < one.length && column < other.length) rows.push({ left: side(one, row), right: side(other, column), isSame: true });
    row += 1;
    column += 1;
  }
  return rows;
}

/** What the program compared line by line, as pairs. */
export function pairedLines(lines: readonly DiffLine[]): Pairing[] {
  return lines.map(({ kind, left, right, text }) => ({
    left: left === null ? null : { number: left, text },
    right: right === null ? null : { number: right, text },
    isSame: kind === "same",
  }));
}

/** Paths like `$.items[0].price` by the line of laid-out JSON that begins what stands there. */
export function pathsOfLines(pretty: string): Map<string, number> {
  const paths = new Map<string, number>();
  const open: { path: string; index: number | null }[] = [];
  pretty.split("\n").forEach((line, at) => {
    const text = line.trim();
    if (/^[}\]]/.test(text)) {
      open.pop();
      return;
    }
    const holder = open.at(-1);
    const key = /^"((?:[^"\\]|\\.)*)": /.exec(text)?.[1];
    let path = "$";
    if (holder?.index !== null && holder?.index !== undefined) {
      path = `${holder.path}[${holder.index}]`;
      holder.index += 1;
    } else if (holder) path = step(holder.path, key ?? "");
    paths.set(path, at + 1);
    if (text.endsWith("{")) open.push({ path, index: null });
    else if (text.endsWith("[")) open.push({ path, index: 0 });
  });
  return paths;
}

const step = (path: string, key: string) => (/^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}["${key}"]`);
