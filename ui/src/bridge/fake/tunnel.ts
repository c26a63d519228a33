// Probes, rates, the timeline and diagnostics.

import type { Caller, Hop, InterceptView, MissExample, MissReason, ProbeReport, TimelineEntry, TrafficSecond, TrafficView } from "../../bindings/wire";
import { Refusal } from "../bridge";
import { standing } from "./intercepts";
import { never, type Answers, type World } from "./world";

const kept = 300;

/** Made of the second's own number, so that the plot moves on by one each time and keeps its shape. */
function secondOf(at: number): TrafficSecond {
  const swell = Math.sin(at / 23) + Math.sin(at / 7) + ((at * 7_919) % 11) / 11;
  const isPoor = Math.floor(at / 40) % 7 === 3;
  const matched = Math.max(0, Math.round(3 + 2 * swell));
  return { matched, fellBack: isPoor ? matched : 0, unmatched: Math.max(0, Math.round(8 + 3 * Math.cos(at / 31) + swell)), unseen: 0 };
}

const paths = ["GET /api/items?limit=20", "GET /api/items/sku-1042", "POST /api/cart", "GET /healthz", "GET /api/prices?currency=EUR"];

function exampleOf(index: number, now: number, found?: string): MissExample {
  const [method = "GET", uri = "/"] = (paths[index % paths.length] ?? "").split(" ");
  const status = index % 6 === 4 ? 503 : 200;
  return { at: (now - index * 7_300 - 2_000) * 1_000, address: `10.244.0.${17 + (index % 4)}`, method, uri, status, ...(found === undefined ? {} : { found }) };
}

function reasonsOf(now: number): MissReason[] {
  const some = (count: number, found?: string) => Array.from({ length: count }, (_, index) => exampleOf(index, now, found));
  return [
    { why: "absent", count: 703, examples: some(8) },
    { why: "otherValue", count: 18, examples: some(5, "theo") },
    { why: "otherPath", count: 4, examples: some(4) },
  ];
}

function callersOf(now: number): Caller[] {
  return [
    { address: "10.244.0.17", pod: "web-7c9fd8b5c4-2xk9p", matched: 212, unmatched: 340, last: (now - 800) * 1_000 },
    { address: "10.244.0.18", pod: "web-7c9fd8b5c4-lq8vz", matched: 187, unmatched: 322, last: (now - 2_400) * 1_000 },
    { address: "10.244.0.19", pod: "cart-5f6b7c9d8-h4m2t", matched: 13, unmatched: 59, last: (now - 41_000) * 1_000 },
    { address: "10.244.1.4", pod: null, matched: 0, unmatched: 4, last: (now - 190_000) * 1_000 },
  ];
}

/** What has been told of an intercept that began so many seconds ago. */
export function trafficOf(age = kept): TrafficView {
  const now = Date.now();
  const last = Math.floor(now / 1_000);
  const each = Array.from({ length: Math.min(age, kept) }, (_, index) => secondOf(last - Math.min(age, kept) + index + 1));
  const sum = (pick: (second: TrafficSecond) => number) => each.reduce((total, second) => total + pick(second), 0);
  return {
    sums: {
      matched: sum((second) => second.matched), fellBack: sum((second) => second.fellBack),
      unmatched: sum((second) => second.unmatched), unseen: 0, dropped: 0,
    },
    seconds: each,
    reasons: age < 2 ? [] : reasonsOf(now),
    callers: age < 2 ? [] : callersOf(now),
    mayBeKeptAlive: age < 120 ? age : null,
  };
}

const minutesAgo = (minutes: number) => Date.now() - minutes * 60_000;

export const timelineAtFirst = (): TimelineEntry[] => [
  { at: minutesAgo(172), what: "notice", key: null, sentence: "This laptop slept for 38 min; the origin answered meanwhile." },
  { at: minutesAgo(134), what: "good", key: null, sentence: "The relay connected again after 2.1 s." },
  { at: minutesAgo(61), what: "good", key: 2, sentence: "cart is restored: the original pods answer every request." },
  { at: minutesAgo(4), what: "good", key: 1, sentence: "catalog is intercepted: requests with X-C6O-INTERCEPT: yes go to localhost:3000." },
  { at: minutesAgo(2), what: "bad", key: 1, sentence: "Nothing listened on localhost:3000 for 40 s; the origin answered." },
  { at: minutesAgo(1.3), what: "good", key: 1, sentence: "localhost:3000 takes connections again." },
];

function hopsOf({ service }: InterceptView["wish"], target: string): Hop[] {
  return [
    { what: "service", state: "passed", took: 400, words: `The address of Service ${service} takes connections.` },
    { what: "proxy", state: "passed", took: 900, words: `Proxy pod ${service}-intercept-proxy-6f7d9c-4xk2p took it.` },
    { what: "rule", state: "passed", took: 900, words: "The rule fits it." },
    { what: "gate", state: "passed", took: 1_100, words: `The gate in pod ${service}-intercept-proxy-6f7d9c-4xk2p is open.` },
    { what: "relay", state: "passed", took: 3_200, words: `It came through the relay of pod ${service}-intercept-proxy-6f7d9c-4xk2p.` },
    { what: "laptop", state: "passed", took: 4_100, words: "This program answered, and the answer came back." },
    { what: "program", state: "passed", words: `The local program listens on ${target}.` },
  ];
}

function reportOf(view: InterceptView, isListening: boolean): ProbeReport {
  const hops = hopsOf(view.wish, view.target);
  if (isListening) return { hops };
  const words = `Nothing takes connections on ${view.target}: the connection was refused. Requests that arrive go back to the original pods until your program runs there.`;
  return { hops: hops.map((hop) => (hop.what === "program" ? { what: "program", state: "stopped", words } : hop)), stoppedAt: "program" };
}

export function tunnelAnswers(world: World): Pick<Answers, "probe_intercept" | "diagnostics"> {
  return {
    probe_intercept: async ({ key }) => {
      if (world.scenario === "loading") return never();
      await world.wait(400);
      const view = world.intercepts.find((each) => each.key === key);
      if (world.scenario === "error" || !view) {
        throw new Refusal({
          code: "clusterUnreachable", message: "Tried https://127.0.0.1:6443. The connection was refused.",
          hint: "Check the network or the VPN, then test again.", field: null, spot: null,
        });
      }
      return reportOf(view, !view.target.endsWith(":3002"));
    },
    diagnostics: () => "Intercept 0.1.0 on Linux x86_64\ncontext kind-dev: connected\nintercept catalog.shop: active, 1 of 1 relays open\n",
  };
}

/** One whose program is not there, and one whose relay is lost. */
export function broken(): InterceptView[] {
  const catalog = standing();
  const away = "Nothing listens on localhost:3002. The original pods answer.";
  const cart: InterceptView = {
    ...catalog, key: 2, id: "mira-cart", wish: { ...catalog.wish, service: "cart" }, phase: { phase: "reconnecting" },
    since: catalog.since - 3_600,
    relays: [{ pod: "cart-intercept-proxy-5d8c7b-9wq4r", isOpen: false, why: "the API server closed the connection" }],
  };
  return [{ ...catalog, wish: { ...catalog.wish, target: "3002" }, target: "localhost:3002", trouble: away }, cart];
}

/** Tells rates of the standing intercepts every second. */
export function beginTraffic(world: World): void {
  const tellAll = () => {
    for (const { key, phase, since } of world.intercepts) {
      const age = Math.floor(Date.now() / 1_000) - since;
      if (phase.phase === "active") world.emit({ kind: "traffic", key, view: trafficOf(age) });
    }
    if (world.pace > 0) world.after(1_000, tellAll);
  };
  world.after(50, tellAll);
}
