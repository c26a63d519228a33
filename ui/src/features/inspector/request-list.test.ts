import { describe, expect, it } from "vitest";

import type { Gap, RequestPage, Summary } from "../../bindings/wire";
import { isGap, RequestList } from "./request-list";

const place = { context: "kind-dev", namespace: "shop", service: "catalog", port: 80, intercept: "k3fp81" };

const request = (id: number, more: Partial<Summary> = {}): Summary => ({
  id, began: id * 1_000, place, protocol: "HTTP/1.1", method: "GET", target: `/${id}`, host: "catalog", status: 200, requestSize: 0, responseSize: 1,
  took: 1_000, outcome: { kind: "answered" }, tags: { pinned: false, replayOf: null, edited: false }, ...more,
});

const page = (ids: number[], more: Partial<RequestPage> = {}): RequestPage => {
  const last = ids.at(-1) ?? 0;
  return { summaries: ids.map((id) => request(id)), next: { began: last * 1_000, id: last }, gaps: [], version: 1, tookMs: 1, ...more };
};

const gap = (from: number, to: number, exchanges: number): Gap => ({ place, from, to, exchanges, bytes: 10, why: "too fast" });

const shown = (list: RequestList) =>
  Array.from({ length: list.length }, (_, index) => {
    const row = list.at(index);
    return row && !isGap(row) ? row.id : `gap of ${row && isGap(row) ? row.exchanges : 0}`;
  });

const take = (list: RequestList, summaries: Summary[], isFollowing = true, gaps: Gap[] = []) => { list.take({ summaries, gaps }, isFollowing); };

describe("the list", () => {
  it("shows the newest first, and new rows above", () => {
    const list = new RequestList(page([3, 2, 1]));
    take(list, [request(4), request(5)]);
    expect(shown(list)).toEqual([5, 4, 3, 2, 1]);
  });

  it("changes a row in its place", () => {
    const list = new RequestList(page([3, 2, 1]));
    take(list, [request(2, { status: 500 })]);
    expect(shown(list)).toEqual([3, 2, 1]);
    expect(list.find(2)?.status).toBe(500);
  });

  it("moves no row while the reader is elsewhere, and counts what waits", () => {
    const list = new RequestList(page([3, 2, 1]));
    take(list, [request(4, { status: null, outcome: { kind: "inFlight" } }), request(5), request(2, { status: 404 })], false);
    take(list, [request(4)], false);
    expect(shown(list)).toEqual([3, 2, 1]);
    expect(list.find(2)?.status).toBe(404);
    expect(list.waiting).toBe(2);
    list.showWaiting();
    expect(shown(list)).toEqual([5, 4, 3, 2, 1]);
    expect(list.find(4)?.status).toBe(200);
  });

  it("puts late rows where they belong", () => {
    const list = new RequestList(page([5, 3]));
    take(list, [request(7), request(4), request(6)]);
    expect(shown(list)).toEqual([7, 6, 5, 4, 3]);
  });

  it("leaves rows older than its end to the older pages", () => {
    const list = new RequestList(page([5, 4]));
    take(list, [request(1)]);
    expect(shown(list)).toEqual([5, 4]);
  });

  it("has gaps as rows of their own, which grow in place", () => {
    const list = new RequestList(page([3, 1], { gaps: [gap(1_500, 2_000, 7)] }));
    expect(shown(list)).toEqual([3, "gap of 7", 1]);
    take(list, [request(4)], true, [gap(1_500, 3_900, 9)]);
    expect(shown(list)).toEqual([4, 3, "gap of 9", 1]);
  });

  it("is bounded: the old end is dropped and can be read again", () => {
    const list = new RequestList(page([3, 2, 1], { next: null }), 4);
    take(list, [request(4), request(5), request(6)]);
    expect(shown(list)).toEqual([6, 5, 4, 3]);
    expect(list.next).toEqual({ began: 3_000, id: 3 });
    list.addOlder(page([2, 1], { next: null }));
    expect(list.isHeadLost).toBe(true);
    expect(shown(list)).toEqual([4, 3, 2, 1]);
  });

  it("bounds what waits, and then knows that the newest must be read again", () => {
    const list = new RequestList(page([1]), 3);
    for (let id = 2; id <= 9; id += 1) take(list, [request(id)], false);
    expect(list.waiting).toBe(8);
    expect(list.isHeadLost).toBe(true);
  });

  it("takes two thousand rows a second for a minute in a small part of that minute", () => {
    const list = new RequestList(page([1]));
    const start = performance.now();
    for (let frame = 0; frame < 3_600; frame += 1) {
      take(list, Array.from({ length: 33 }, (_, index) => request(2 + frame * 33 + index)));
    }
    expect(list.length).toBe(20_000);
    expect(performance.now() - start).toBeLessThan(6_000);
  });
});
