// The made-up store of requests, with all of its commands. Requests go on arriving while `isLive`.

import type { Commands, Difference, Gap, MockView, ReplayWish, Selection, StoreUsage, Summary } from "../../bindings/wire";
import { Refusal } from "../bridge";
import { readFilter, type Filterable } from "./filter";
import { imageBytes, originSearchAnswer } from "./request-bodies";
import { detailOf, editable, headerText, inFlight, made, place, type Kept } from "./request-data";
import { never, type World } from "./world";

export type RequestCommand =
  | "find_requests" | "count_requests" | "follow_requests" | "requests_usage" | "get_request" | "request_body" | "editable_request"
  | "replay_request" | "compare_requests" | "pin_requests" | "delete_requests" | "write_requests" | "save_requests"
  | "import_requests" | "list_mocks" | "add_mock" | "remove_mock" | "pause_recording";

export type RequestAnswers = {
  [Name in RequestCommand]: (takes: Commands[Name]["takes"]) => Promise<Commands[Name]["answers"]>;
};

const refusal = (message: string, hint: string, code: "gone" | "noRecorder" | "notAgreed" = "gone") =>
  new Refusal({ code, message, hint, field: null, spot: null });

const mostBytes = 512 * 1_048_576;

class Store {
  kept = new Map<number, Kept>();
  gaps: Gap[] = [];
  mocks: MockView[] = [];
  isPaused = false;
  #follow = 0;
  #filter = "";
  #version = 1;
  #nextId = 1;
  #nextMock = 1;

  constructor(private readonly world: World, count: number) {
    const now = Date.now() * 1000;
    for (let id = 1; id <= count; id += 1) this.kept.set(id, made(id, now - (count - id) * 2_300_000));
    this.#nextId = count + 1;
    if (count > 40) {
      const at = now - 17 * 2_300_000 - 500_000;
      this.gaps.push({ place, from: at - 1_400_000, to: at, exchanges: 38, bytes: 412_000, why: "they came faster than they could be written." });
      const last = this.kept.get(count);
      if (last) this.kept.set(count, inFlight(last));
    }
  }

  usage = (): StoreUsage => ({
    bytes: 61_000_000 + this.kept.size * 240, mostBytes, count: this.kept.size, mostCount: 10_000, isPaused: this.isPaused,
  });

  /** The newest first. */
  find(filter: string): Kept[] {
    const test = readFilter(filter);
    return [...this.kept.values()].reverse().filter((kept) => test(this.#filterable(kept)));
  }

  #filterable = (kept: Kept): Filterable => ({ summary: kept.summary, text: `${headerText(kept)}\n${kept.kind}`.toLowerCase() });

  follow(filter: string): number {
    readFilter(filter);
    this.#filter = filter;
    this.#follow += 1;
    return this.#follow;
  }

  version = () => this.#version;

  put(kept: Kept): void {
    this.kept.set(kept.summary.id, kept);
    this.tell([kept]);
  }

  tell(kept: Kept[]): void {
    this.#version += 1;
    const test = readFilter(this.#filter);
    const summaries = kept.filter((one) => test(this.#filterable(one))).map(({ summary }) => summary);
    if (this.#follow > 0) this.world.emit({ kind: "requests", follow: this.#follow, changes: { summaries, gaps: [] }, usage: this.usage() });
  }

  newId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  newMock(): number {
    this.#nextMock += 1;
    return this.#nextMock - 1;
  }

  get(id: number): Kept {
    const kept = this.kept.get(id);
    if (!kept) throw refusal(`Request ${id} is no longer kept.`, "Pin requests that must stay.");
    return kept;
  }

  select(selection: Selection): Kept[] {
    if (selection.kind === "filter") return this.find(selection.filter);
    return selection.ids.map((id) => this.get(id));
  }

  /** One arrives, and is answered a moment later. */
  arrive(): void {
    if (this.isPaused) return;
    const kept = made(this.newId(), Date.now() * 1000);
    this.put(inFlight(kept));
    this.world.after(Math.min(4_000, 60 + (kept.summary.took ?? 0) / 1000), () => { if (this.kept.has(kept.summary.id)) this.put(kept); });
  }
}

/** New requests a second, in a browser. */
const rates: Partial<Record<World["scenario"], number>> = { full: 1, many: 2_000 };

export function requestAnswers(world: World): RequestAnswers {
  const rate = rates[world.scenario];
  const store = new Store(world, rate === undefined ? 0 : 1_416);
  if (rate !== undefined && world.pace > 0) {
    const every = rate > 20 ? 50 : 1000 / rate;
    window.setInterval(() => { for (let n = 0; n < (rate * every) / 1000; n += 1) store.arrive(); }, every);
  }
  const answers = answersOf(store);
  if (world.scenario === "loading") return { ...answers, find_requests: never, count_requests: never, requests_usage: never, list_mocks: never };
  if (world.scenario === "error") {
    const refuse = () => Promise.reject(refusal("The store of requests cannot be opened: the disk is full.", "Free some space, then look again.", "noRecorder"));
    return { ...answers, find_requests: refuse, count_requests: refuse, follow_requests: refuse, requests_usage: refuse };
  }
  return answers;
}

/** What a command throws becomes its refusal. */
const soon = <T,>(answer: () => T): Promise<T> => new Promise((resolve) => { resolve(answer()); });

function answersOf(store: Store): RequestAnswers {
  return {
    find_requests: ({ filter, before, limit }) => soon(() => {
      const found = store.find(filter).filter(({ summary }) => !before || summary.id < before.id);
      const shown = found.slice(0, limit).map(({ summary }) => summary);
      const last = shown.at(-1);
      const isLast = found.length <= limit;
      const gaps = before ? [] : store.gaps;
      return { summaries: shown, next: isLast || !last ? null : { began: last.began, id: last.id }, gaps, version: store.version(), tookMs: 3 };
    }),
    count_requests: ({ filter }) => soon(() => ({ found: store.find(filter).length, all: store.kept.size })),
    follow_requests: ({ filter }) => soon(() => store.follow(filter)),
    requests_usage: () => soon(() => store.usage()),
    get_request: ({ id, reveal }) => soon(() => {
      const replays = [...store.kept.values()].filter(({ summary }) => summary.tags.replayOf === id).map(({ summary }) => summary);
      return detailOf(store.get(id), reveal, replays.reverse());
    }),
    request_body: ({ id }) => soon(() => ({ base64: imageBytes, mediaType: store.get(id).summary.mediaType ?? null, isWhole: true })),
    editable_request: ({ id }) => soon(() => editable(store.get(id))),
    replay_request: ({ replay }) => soon(() => replayed(store, replay)),
    compare_requests: ({ left, right }) => soon(() => (store.get(left).kind === store.get(right).kind ? difference : textDifference)),
    pin_requests: ({ ids, isPinned }) => soon(() => {
      for (const id of ids) {
        const kept = store.get(id);
        store.put({ ...kept, summary: { ...kept.summary, tags: { ...kept.summary.tags, pinned: isPinned } } });
      }
      return null;
    }),
    delete_requests: ({ selection }) => soon(() => {
      const gone = store.select(selection);
      for (const { summary } of gone) store.kept.delete(summary.id);
      return gone.length;
    }),
    write_requests: ({ selection, format }) => soon(() => {
      const chosen = store.select(selection);
      const text = chosen.map(({ summary }) => (format === "curl" ? curl(summary) : `${summary.method} ${summary.target} HTTP/1.1\nhost: ${summary.host}\n`)).join("\n");
      return { text, count: chosen.length, covered: chosen.length };
    }),
    save_requests: ({ selection }) => soon(() => store.select(selection).length),
    import_requests: () => soon(() => {
      for (let n = 0; n < 3; n += 1) {
        const kept = made(store.newId(), Date.now() * 1000 - n);
        store.put({ ...kept, summary: { ...kept.summary, outcome: { kind: "imported" } } });
      }
      return 3;
    }),
    list_mocks: () => soon(() => [...store.mocks]),
    add_mock: ({ mock }) => soon(() => {
      readFilter(mock.filter);
      store.mocks = [...store.mocks, { number: store.newMock(), filter: mock.filter, status: mock.status, answered: 0 }];
      return store.mocks;
    }),
    remove_mock: ({ number }) => soon(() => {
      store.mocks = store.mocks.filter((mock) => mock.number !== number);
      return store.mocks;
    }),
    pause_recording: ({ isPaused }) => soon(() => {
      store.isPaused = isPaused;
      store.tell([]);
      return null;
    }),
  };
}

const curl = ({ method, target, host }: Summary) => `curl -X ${method} 'http://${host}${target}' -H 'x-c6o-intercept: yes' -H 'authorization: hidden'`;

function replayed(store: Store, { id, to, edited, isAgreed }: ReplayWish): Commands["replay_request"]["answers"] {
  const original = store.get(id);
  const method = edited?.method ?? original.summary.method;
  if (!isAgreed && !["GET", "HEAD", "OPTIONS"].includes(method)) {
    throw refusal(`${method} may change something where it arrives.`, "Agree to send it again.", "notAgreed");
  }
  const sides = to === "both" ? (["laptop", "cluster"] as const) : [to];
  const answers = sides.map((side) => {
    const kept: Kept = {
      ...original,
      ...(side === "cluster" && original.kind === "search" ? { said: originSearchAnswer } : {}),
      ...(edited ? { sent: { headers: edited.headers, body: edited.body } } : {}),
      summary: {
        ...original.summary, id: store.newId(), began: Date.now() * 1000, method, target: edited?.target ?? original.summary.target,
        status: original.summary.status ?? 200, took: side === "cluster" ? 22_000 : 46_800,
        outcome: side === "cluster" ? { kind: "answeredByCluster" } : { kind: "answered" },
        tags: { pinned: false, replayOf: id, edited: edited !== null },
      },
    };
    store.put(kept);
    return detailOf(kept, false, []);
  });
  return { answers, difference: to === "both" ? difference : null };
}

/** The laptop's answer at the left, the origin's at the right. */
const difference: Difference = {
  status: null,
  headers: [
    { name: "cache-control", isTrailer: false, isSetAside: false, left: ["no-store"], right: ["max-age=30"] },
    { name: "date", isTrailer: false, isSetAside: true, left: ["Wed, 25 Nov 2026 14:07:38 GMT"], right: ["Wed, 25 Nov 2026 14:07:39 GMT"] },
  ],
  body: {
    kind: "json",
    is_cut: false,
    changes: [
      { left: { path: "$.tookMs", value: "36" }, right: { path: "$.tookMs", value: "14" }, isSetAside: false },
      { left: { path: "$.items[0].price.amount", value: "84.5" }, right: { path: "$.items[0].price.amount", value: "89" }, isSetAside: false },
      { left: { path: "$.items[0].discount", value: "null" }, right: { path: "$.items[0].discount", value: '{"percent":5}' }, isSetAside: false },
      { left: { path: "$.items[0].badge", value: '"new price"' }, right: null, isSetAside: false },
    ],
  },
  isPartial: false,
};

const textDifference: Difference = {
  status: { left: 200, right: 500 },
  headers: [{ name: "content-type", isTrailer: false, isSetAside: false, left: ["application/json"], right: ["text/html"] }],
  body: {
    kind: "text",
    is_cut: false,
    lines: [
      { kind: "same", left: 1, right: 1, text: "<!doctype html>" },
      { kind: "removed", left: 2, right: null, text: "<title>Product 88104</title>" },
      { kind: "added", left: null, right: 2, text: "<title>Product 7312</title>" },
      { kind: "same", left: 3, right: 3, text: "</html>" },
    ],
  },
  isPartial: true,
};
