// Keeps a RequestList up to what the program has: asks, follows, reads older pages, counts. Without React.
//
// What events tell is taken once per frame, however many there are. One question at a time: while it is asked, only the
// newest wish waits, so typing never queues up questions.

import { asRefusal, type Bridge } from "../../bridge/bridge";
import type { CommandError, DeskEvent, RequestCount, RequestPage, StoreUsage, Summary } from "../../bindings/wire";
import { onlyHealth, withoutHealth, wrapped } from "./filter-language";
import { RequestList } from "./request-list";

const pageSize = 200;
/** With more than this nobody waits for the next frame: the window may be hidden, where none comes. */
const mostQueued = 4_000;
const recountMs = 3_000;

export interface FeedWish {
  /** As it was typed. */
  filter: string;
  /** The filter is kept and not applied. */
  isOff: boolean;
  hidesHealth: boolean;
  /** A term that holds besides: the Service that is looked at. Empty for all. */
  scope: string;
}

export interface FeedView {
  list: RequestList;
  /** Grows with every change of the list, which is the same object. */
  version: number;
  phase: "reading" | "ready" | "failed";
  /** Why there is no list at all. */
  error: CommandError | null;
  /** Why the filter was not applied; the list is as before. */
  filterError: CommandError | null;
  isAsking: boolean;
  isReadingOlder: boolean;
  isFollowing: boolean;
  count: RequestCount | null;
  hiddenHealth: number;
  usage: StoreUsage | null;
  /** What stands in the list was asked with this. */
  applied: string;
}

type Requests = Extract<DeskEvent, { kind: "requests" }>;

export class RequestFeed {
  #view: FeedView = {
    list: new RequestList(), version: 0, phase: "reading", error: null, filterError: null, isAsking: true, isReadingOlder: false,
    isFollowing: true, count: null, hiddenHealth: 0, usage: null, applied: "",
  };
  #hearers = new Set<() => void>();
  #wish: FeedWish | null = null;
  #isBusy = false;
  #isWaiting = false;
  #follow: number | null = null;
  #queue: Requests[] = [];
  #queued = 0;
  #frame = 0;
  #recount = 0;
  #isStopped = false;

  constructor(private readonly bridge: Bridge) {}

  view = (): FeedView => this.#view;

  subscribe = (hear: () => void): (() => void) => {
    this.#hearers.add(hear);
    return () => { this.#hearers.delete(hear); };
  };

  /** Hears events until the returned function is called. */
  start(): () => void {
    this.#isStopped = false;
    const deafen = this.bridge.listen((event) => { if (event.kind === "requests") this.#hear(event); });
    return () => {
      this.#isStopped = true;
      deafen();
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      window.clearTimeout(this.#recount);
      this.#recount = 0;
    };
  }

  ask(wish: FeedWish): void {
    this.#wish = wish;
    if (this.#isBusy) this.#isWaiting = true;
    else void this.#read();
  }

  askAgain = (): void => {
    if (this.#wish) this.ask(this.#wish);
  };

  /** Whether the reader is at the top and holds nothing: then new rows show at once. */
  follow(isFollowing: boolean): void {
    if (isFollowing === this.#view.isFollowing) return;
    if (isFollowing && this.#view.list.isHeadLost) this.askAgain();
    if (isFollowing) this.#view.list.showWaiting();
    this.#show({ isFollowing });
  }

  readOlder = async (): Promise<void> => {
    const { list, applied, isReadingOlder } = this.#view;
    const before = list.next;
    if (!before || isReadingOlder) return;
    this.#show({ isReadingOlder: true });
    try {
      const page = await this.bridge.ask("find_requests", { filter: applied, before, limit: pageSize });
      if (list === this.#view.list && list.next === before) list.addOlder(page);
      this.#show({ isReadingOlder: false });
    } catch (thrown) {
      this.#show({ isReadingOlder: false, filterError: asRefusal(thrown).error });
    }
  };

  /** Rows that are gone from the store. */
  removed(ids: readonly number[]): void {
    this.#view.list.remove(new Set(ids));
    this.#show({});
    void this.#count();
  }

  changed(id: number, change: (summary: Summary) => Summary): void {
    this.#view.list.patch(id, change);
    this.#show({});
  }

  paused(isPaused: boolean): void {
    if (this.#view.usage) this.#show({ usage: { ...this.#view.usage, isPaused } });
  }

  #show(news: Partial<FeedView>): void {
    this.#view = { ...this.#view, ...news, version: this.#view.version + 1 };
    for (const hear of this.#hearers) hear();
  }

  async #read(): Promise<void> {
    const wish = this.#wish;
    if (!wish) return;
    this.#isBusy = true;
    this.#show({ isAsking: true });
    const filter = asked(wish);
    try {
      const page = await this.bridge.ask("find_requests", { filter, before: null, limit: pageSize });
      if (!this.#isWaiting) await this.#apply(filter, page);
    } catch (thrown) {
      this.#refuse(asRefusal(thrown).error, wish);
    }
    this.#isBusy = false;
    if (this.#isWaiting && !this.#isStopped) {
      this.#isWaiting = false;
      await this.#read();
    }
  }

  async #apply(filter: string, page: RequestPage): Promise<void> {
    this.#follow = null;
    this.#queue = [];
    this.#queued = 0;
    this.#show({ list: new RequestList(page), phase: "ready", error: null, filterError: null, applied: filter, isAsking: false, isFollowing: true });
    void this.#count();
    this.#follow = await this.bridge.ask("follow_requests", { filter, since: page.version });
    this.#flush();
  }

  #refuse(error: CommandError, { filter, hidesHealth, scope }: FeedWish): void {
    if (error.code === "filterWrong") {
      // The spot is told within what was asked, which may have a parenthesis before what was typed.
      const isWrapped = (hidesHealth || scope !== "") && wrapped(filter) !== filter.trim();
      const shift = isWrapped ? -1 : 0;
      const lead = filter.length - filter.trimStart().length;
      const spot = error.spot && { ...error.spot, at: Math.min(filter.length, Math.max(0, error.spot.at + shift + lead)) };
      this.#show({ filterError: { ...error, spot }, isAsking: false });
    } else this.#show({ phase: "failed", error, isAsking: false });
  }

  async #count(): Promise<void> {
    const { applied } = this.#view;
    const wish = this.#wish;
    try {
      const count = await this.bridge.ask("count_requests", { filter: applied });
      const health = wish?.hidesHealth ? await this.bridge.ask("count_requests", { filter: onlyHealth(asked({ ...wish, hidesHealth: false })) }) : null;
      const usage = await this.bridge.ask("requests_usage", {});
      if (applied === this.#view.applied) this.#show({ count, hiddenHealth: health?.found ?? 0, usage });
    } catch {
      // The list tells what is wrong; a missing count says nothing more.
    }
  }

  #hear(event: Requests): void {
    // Until the number of this following is known, everything waits.
    if (this.#follow !== null && event.follow !== this.#follow) return;
    this.#queue.push(event);
    this.#queued += event.changes.summaries.length;
    if (this.#follow === null) return;
    if (this.#queued > mostQueued) this.#flush();
    else if (this.#frame === 0) this.#frame = requestAnimationFrame(() => { this.#flush(); });
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const events = this.#queue.filter(({ follow }) => follow === this.#follow);
    this.#queue = [];
    this.#queued = 0;
    const last = events.at(-1);
    if (!last) return;
    const { list, isFollowing } = this.#view;
    for (const { changes } of events) list.take(changes, isFollowing);
    this.#show({ usage: last.usage });
    if (this.#recount === 0) {
      this.#recount = window.setTimeout(() => {
        this.#recount = 0;
        void this.#count();
      }, this.#view.count && this.#view.count.found < 500 ? 300 : recountMs);
    }
  }

}

/** What is asked of the program for what is wished. */
export function asked({ filter, isOff, hidesHealth, scope }: FeedWish): string {
  const typed = isOff ? "" : filter.trim();
  const scoped = scope === "" ? typed : `${wrapped(typed)} ${scope}`.trim();
  return hidesHealth ? withoutHealth(scoped) : scoped;
}
