// What can be done with the chosen requests. Each act tells how it went in one sentence.

import { useMemo, useRef, useEffect, useState } from "react";

import type { Difference, RequestDetail, Summary } from "../../bindings/wire";
import { asRefusal, type Bridge } from "../../bridge/bridge";
import { counted } from "../../components/counted";
import { asUtf8, bytesOf } from "./body-text";
import { quoted } from "./filter-language";
import { isSafeMethod, shown } from "./format";
import type { RequestFeed } from "./request-feed";
import type { Selected } from "./use-selected";

export interface Comparison {
  left: number;
  right: number;
  /** What the left and the right one are. */
  names: [string, string];
  difference: Difference;
}

export type Mode = { kind: "look" } | { kind: "edit"; id: number } | ({ kind: "compare" } & Comparison);

/** Something that is done only after a yes. */
export interface Asking {
  words: string;
  yes: string;
  run: () => void;
}

export interface Said {
  words: string;
  isBad: boolean;
}

export interface Acts {
  replay: () => void;
  edit: () => void;
  compare: () => void;
  copyCurl: () => void;
  pin: () => void;
  mock: () => void;
  remove: () => void;
  copyText: (text: string, said: string) => void;
}

interface Needs {
  bridge: Bridge;
  feed: RequestFeed;
  selected: Selected;
  onMode: (mode: Mode) => void;
  onMocks: () => void;
}

export interface ActsState {
  acts: Acts;
  asking: Asking | null;
  answerAsking: (isYes: boolean) => void;
  ask: (asking: Asking) => void;
  said: Said | null;
  say: (said: Said | null) => void;
  attempt: (act: () => Promise<string | null>) => void;
}

export function useActs(needs: Needs): ActsState {
  const [asking, setAsking] = useState<Asking | null>(null);
  const [said, say] = useState<Said | null>(null);
  const latest = useRef(needs);
  useEffect(() => { latest.current = needs; });

  return useMemo(() => {
    const attempt = (act: () => Promise<string | null>) => {
      act().then(
        (words) => { if (words !== null) say({ words, isBad: false }); },
        (thrown: unknown) => {
          const { message, hint } = asRefusal(thrown).error;
          say({ words: `${message} ${hint}`.trim(), isBad: true });
        },
      );
    };
    // eslint-disable-next-line react-hooks/refs -- read when an act runs, never while drawing
    const acts = actsOf(() => latest.current, attempt, setAsking);
    const answerAsking = (isYes: boolean) => {
      setAsking((open) => {
        if (isYes && open) queueMicrotask(open.run);
        return null;
      });
    };
    return { acts, attempt, ask: setAsking, answerAsking, say, asking, said };
  }, [asking, said]);
}

function actsOf(now: () => Needs, attempt: ActsState["attempt"], ask: (asking: Asking) => void): Acts {
  const current = () => now().selected.cursor;
  const summary = (id: number) => now().feed.view().list.find(id);
  /** Runs at once, or after a yes where the method may change something. */
  const whenAgreed = (id: number, where: string, run: (isAgreed: boolean) => void) => {
    const method = summary(id)?.method ?? "GET";
    if (isSafeMethod(method)) run(false);
    else ask({ words: `${method} may change something where it arrives. Send it to ${where} again?`, yes: "Send it", run: () => { run(true); } });
  };
  return {
    replay: () => {
      const id = current();
      if (id === null) return;
      whenAgreed(id, "your program", (isAgreed) => { attempt(() => replay(now(), id, isAgreed)); });
    },
    edit: () => {
      const id = current();
      if (id !== null) now().onMode({ kind: "edit", id });
    },
    compare: () => {
      const ids = [...now().selected.ids];
      const id = current();
      if (id === null) return;
      const [first, second] = ids;
      const original = summary(id)?.tags.replayOf ?? null;
      if (ids.length === 2 && first !== undefined && second !== undefined) attempt(() => compareTwo(now(), Math.min(first, second), Math.max(first, second), ["First", "Second"]));
      else if (original !== null) attempt(() => compareTwo(now(), original, id, ["Original", "Replay"]));
      else whenAgreed(id, "your program and the origin", (isAgreed) => { attempt(() => compareBoth(now(), id, isAgreed)); });
    },
    copyCurl: () => {
      const ids = [...now().selected.ids];
      if (ids.length > 0) attempt(() => copyAs(now().bridge, ids));
    },
    pin: () => {
      const ids = [...now().selected.ids];
      const id = current();
      if (ids.length === 0 || id === null) return;
      attempt(() => pin(now(), ids, !(summary(id)?.tags.pinned ?? false)));
    },
    mock: () => {
      const id = current();
      if (id !== null) attempt(() => mockOf(now(), id));
    },
    remove: () => {
      const ids = [...now().selected.ids];
      if (ids.length === 0) return;
      const run = () => { attempt(() => remove(now(), ids)); };
      if (ids.length === 1) run();
      else ask({ words: `Delete ${counted(ids.length, "request")} from the list and the store?`, yes: "Delete them", run });
    },
    copyText: (text, words) => { attempt(async () => { await now().bridge.shell.copyText(text); return words; }); },
  };
}

async function replay({ bridge, selected }: Needs, id: number, isAgreed: boolean): Promise<string> {
  const { answers } = await bridge.ask("replay_request", { replay: { id, to: "laptop", edited: null, target: null, isAgreed } });
  const answer = answers[0];
  if (!answer) return "It was sent again. No answer is known.";
  selected.choose(answer.exchange.id);
  return `Sent again: ${answer.summary.status ?? "no answer"}.`;
}

async function compareTwo({ bridge, onMode }: Needs, left: number, right: number, names: [string, string]): Promise<null> {
  const difference = await bridge.ask("compare_requests", { left, right });
  onMode({ kind: "compare", left, right, names, difference });
  return null;
}

async function compareBoth({ bridge, onMode }: Needs, id: number, isAgreed: boolean): Promise<string | null> {
  const { answers, difference } = await bridge.ask("replay_request", { replay: { id, to: "both", edited: null, target: null, isAgreed } });
  const [laptop, origin] = answers;
  if (!laptop || !origin || !difference) return "Only one of both answered, so there is nothing to compare.";
  onMode({ kind: "compare", left: laptop.exchange.id, right: origin.exchange.id, names: ["Laptop", "Origin"], difference });
  return null;
}

async function copyAs(bridge: Bridge, ids: number[]): Promise<string> {
  const { text, count, covered } = await bridge.ask("write_requests", { selection: { kind: "ids", ids }, format: "curl", reveal: false });
  await bridge.shell.copyText(text);
  const what = count === 1 ? "The curl command is copied" : `${counted(count, "curl command")} are copied`;
  return covered > 0 ? `${what}, secrets covered. Export can leave them in.` : `${what}.`;
}

async function pin({ bridge, feed }: Needs, ids: number[], isPinned: boolean): Promise<string> {
  await bridge.ask("pin_requests", { ids, isPinned });
  for (const id of ids) feed.changed(id, (summary) => ({ ...summary, tags: { ...summary.tags, pinned: isPinned } }));
  return isPinned ? `${counted(ids.length, "request")} pinned: kept when room is made.` : `${counted(ids.length, "request")} no longer pinned.`;
}

async function remove({ bridge, feed, selected }: Needs, ids: number[]): Promise<string> {
  const { list } = feed.view();
  const at = Math.min(...ids.map((id) => list.indexOf(id)).filter((index) => index >= 0));
  const count = await bridge.ask("delete_requests", { selection: { kind: "ids", ids } });
  feed.removed(ids);
  const next = list.at(Math.min(at, list.length - 1));
  selected.choose(next && "id" in next ? next.id : null);
  return `${counted(count, "request")} deleted.`;
}

/** Headers that only belong to the one message they came with. */
const framing = new Set(["content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date"]);

async function mockOf({ bridge, onMocks }: Needs, id: number): Promise<string> {
  const detail = await bridge.ask("get_request", { id, reveal: true });
  const response = detail.exchange.response;
  if (!response) return "It has no answer to give again.";
  const { base64, isWhole } = await bridge.ask("request_body", { id, half: "response" });
  const body = asUtf8(bytesOf(base64));
  if (body === null || !isWhole) return "Only answers that are whole and text can be given again.";
  const headers = response.headers
    .map(({ name, value }) => ({ name: shown(name), value: shown(value) }))
    .filter(({ name }) => !framing.has(name.toLowerCase()));
  await bridge.ask("add_mock", { mock: { filter: mockFilter(detail), status: response.status, headers, body, delayMs: 0 } });
  onMocks();
  return `From now on ${detail.summary.method} ${pathOf(detail.summary)} is answered by a mock, until you switch it off.`;
}

const pathOf = ({ target }: Summary) => target.split("?")[0] ?? target;

function mockFilter({ summary }: RequestDetail): string {
  const query = summary.target.split("?")[1];
  const terms = [`method:${summary.method}`, `path:=${quoted(pathOf(summary))}`, `svc:=${quoted(summary.place.service)}`];
  if (query) terms.push(`query:=${quoted(query)}`);
  return terms.join(" ");
}
