// The rows of the list in the order of time. Mutable and without React: two thousand rows a second are not copied.
//
// It holds a window of what the filter finds: at most `mostRows`. What is dropped at the old end is read again through
// `next`; what is dropped at the new end is read again by starting over. While the reader is not at the top, new rows
// wait aside, so that no row moves under the eyes.

import type { Cursor, Gap, RequestChanges, RequestPage, Summary } from "../../bindings/wire";

export type Row = Summary | Gap;

export const isGap = (row: Row): row is Gap => "exchanges" in row;

const began = (row: Row) => (isGap(row) ? row.to : row.began);
const number = (row: Row) => (isGap(row) ? -1 : row.id);
const order = (a: Row, b: Row) => began(a) - began(b) || number(a) - number(b);

const sameGap = (a: Gap, b: Gap) =>
  a.from === b.from && a.place.intercept === b.place.intercept && a.place.service === b.place.service;

export class RequestList {
  /** The oldest first; the list shows them the other way round. */
  #rows: Row[] = [];
  #waiting: Row[] = [];
  #next: Cursor | null = null;
  #waitingDropped = 0;
  #isHeadLost = false;

  constructor(
    page: RequestPage | null = null,
    private readonly mostRows = 20_000,
  ) {
    if (page) this.addOlder(page);
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Where older rows are; null where there are none. */
  get next(): Cursor | null {
    return this.#next;
  }

  /** So many came while the reader was elsewhere. */
  get waiting(): number {
    return this.#waitingDropped + this.#waiting.length;
  }

  /** Whether the newest rows are no longer here: then they must be read again from the start. */
  get isHeadLost(): boolean {
    return this.#isHeadLost || this.#waitingDropped > 0;
  }

  /** The row at a place of the list, the newest at 0. */
  at(index: number): Row | undefined {
    return this.#rows[this.#rows.length - 1 - index];
  }

  /** The place of a request, or -1. */
  indexOf(id: number): number {
    for (let index = this.#rows.length - 1; index >= 0; index -= 1) {
      const row = this.#rows[index];
      if (row && !isGap(row) && row.id === id) return this.#rows.length - 1 - index;
    }
    return -1;
  }

  find(id: number): Summary | null {
    const row = this.at(this.indexOf(id));
    return row && !isGap(row) ? row : null;
  }

  /** The next page. Answers how many rows were dropped at the new end, so that the reader can be kept in place. */
  addOlder(page: RequestPage): number {
    for (const row of [...page.summaries, ...page.gaps]) this.#put(this.#rows, row);
    this.#next = page.next;
    const tooMany = this.#rows.length - this.mostRows;
    if (tooMany <= 0) return 0;
    this.#rows.length = this.mostRows;
    this.#isHeadLost = true;
    return tooMany;
  }

  /** What an event told. New rows are shown at once while `isFollowing`, otherwise they wait; known ones change in place. */
  take(changes: RequestChanges, isFollowing: boolean): void {
    const target = isFollowing ? this.#rows : this.#waiting;
    for (const row of [...changes.summaries, ...changes.gaps]) {
      if (this.#replace(this.#rows, row)) continue;
      if (this.#isOlderThanShown(row)) continue;
      this.#put(target, row);
    }
    if (isFollowing) this.#dropOld();
    else this.#dropWaiting();
  }

  /** Shows what waited. */
  showWaiting(): void {
    for (const row of this.#waiting) this.#put(this.#rows, row);
    this.#waiting = [];
    this.#dropOld();
  }

  remove(ids: ReadonlySet<number>): void {
    const stays = (row: Row) => isGap(row) || !ids.has(row.id);
    this.#rows = this.#rows.filter(stays);
    this.#waiting = this.#waiting.filter(stays);
  }

  /** Changes a row before the program tells of it. */
  patch(id: number, change: (summary: Summary) => Summary): void {
    const index = this.#rows.length - 1 - this.indexOf(id);
    const row = this.#rows[index];
    if (row && !isGap(row)) this.#rows[index] = change(row);
  }

  /** Older pages will bring it, or it was dropped: putting it here would leave a hole behind it. */
  #isOlderThanShown(row: Row): boolean {
    const oldest = this.#rows[0];
    return this.#next !== null && oldest !== undefined && order(row, oldest) < 0;
  }

  #replace(rows: Row[], row: Row): boolean {
    if (isGap(row)) return this.#growGap(rows, row);
    const index = place(rows, row);
    const there = rows[index];
    if (!there || order(there, row) !== 0) return false;
    rows[index] = row;
    return true;
  }

  /** A gap that goes on moves its end: it stays where it is seen, with its new count. */
  #growGap(rows: Row[], gap: Gap): boolean {
    for (let index = rows.length - 1; index >= Math.max(0, rows.length - 400); index -= 1) {
      const row = rows[index];
      if (row && isGap(row) && sameGap(row, gap)) {
        rows[index] = { ...gap, to: row.to };
        return true;
      }
    }
    return false;
  }

  #put(rows: Row[], row: Row): void {
    const last = rows.at(-1);
    if (!last || order(last, row) < 0) {
      rows.push(row);
      return;
    }
    if (this.#replace(rows, row)) return;
    rows.splice(place(rows, row), 0, row);
  }

  #dropOld(): void {
    const tooMany = this.#rows.length - this.mostRows;
    if (tooMany <= 0) return;
    this.#rows.splice(0, tooMany);
    const oldest = this.#rows.find((row): row is Summary => !isGap(row));
    if (oldest) this.#next = { began: oldest.began, id: oldest.id };
  }

  #dropWaiting(): void {
    if (this.#waiting.length <= this.mostRows) return;
    this.#waitingDropped += this.#waiting.length;
    this.#waiting = [];
  }
}

/** The first place whose row is not before this one. */
function place(rows: Row[], row: Row): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = rows[middle];
    if (there && order(there, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
