// Made-up requests of one intercept of shop/catalog, and what there is to see of each.

import type { Decoded, EditableHeader, Exchange, Header, Hidden, Outcome, Place, RequestDetail, Summary, Text } from "../../bindings/wire";
import * as say from "./request-bodies";

/** A request as the made-up store keeps it. */
export interface Kept {
  summary: Summary;
  kind: Kind;
  /** What was sent, where it was edited. */
  sent?: { headers: EditableHeader[]; body: string | null };
  /** What was answered, where that is not of its kind. */
  said?: Decoded;
}

export type Kind = "search" | "product" | "stock" | "broken" | "page" | "form" | "image" | "bytes" | "multipart" | "protobuf" | "grpc" | "socket" | "events" | "empty" | "health";

export const place: Place = { context: "kind-dev", namespace: "shop", service: "catalog", port: 80, intercept: "k3fp81" };

interface Sample {
  method: string;
  target: string;
  status: number;
  took: number;
  kind: Kind;
  size: number;
  outcome?: Outcome;
}

const samples: readonly Sample[] = [
  { method: "POST", target: "/api/products/search?limit=24", status: 200, took: 47_000, kind: "search", size: 8_400 },
  { method: "GET", target: "/api/products/7312", status: 200, took: 12_000, kind: "product", size: 2_100 },
  { method: "GET", target: "/api/categories", status: 304, took: 4_000, kind: "empty", size: 0 },
  { method: "PUT", target: "/api/products/2209/price", status: 409, took: 31_000, kind: "broken", size: 312 },
  { method: "GET", target: "/api/products?category=lamps&inStock=true&sort=relevance&priceTo=120&page=2", status: 200, took: 38_000, kind: "search", size: 14_200 },
  { method: "GET", target: "/api/products/88104/related", status: 500, took: 212_000, kind: "page", size: 640 },
  { method: "GET", target: "/api/products/88104", status: 200, took: 15_000, kind: "product", size: 2_300 },
  { method: "POST", target: "/api/products", status: 201, took: 64_000, kind: "multipart", size: 1_900 },
  { method: "GET", target: "/healthz", status: 200, took: 900, kind: "health", size: 2 },
  { method: "DELETE", target: "/api/products/1187/images/3", status: 204, took: 22_000, kind: "empty", size: 0 },
  { method: "GET", target: "/api/stock/live", status: 101, took: 26_100_000, kind: "socket", size: 31_000 },
  { method: "PATCH", target: "/api/products/7312", status: 200, took: 28_000, kind: "product", size: 2_100 },
  { method: "POST", target: "/login", status: 303, took: 44_000, kind: "form", size: 0 },
  { method: "GET", target: "/api/products/export", status: 200, took: 1_840_000, kind: "bytes", size: 1_900_000 },
  { method: "GET", target: "/api/products/0", status: 404, took: 6_000, kind: "page", size: 98 },
  { method: "GET", target: "/api/products/5120/reviews", status: 200, took: 19_000, kind: "search", size: 6_700 },
  { method: "GET", target: "/api/products/5120", status: 200, took: 11_000, kind: "product", size: 2_200, outcome: { kind: "fellBack", why: "nothing took the connection on localhost:3000" } },
  { method: "GET", target: "/healthz", status: 200, took: 800, kind: "health", size: 2 },
  { method: "GET", target: "/api/stock/5120", status: 0, took: 9_000, kind: "empty", size: 0, outcome: { kind: "reset", by: "program" } },
  { method: "GET", target: "/api/products/5120/images/1.png", status: 200, took: 5_000, kind: "image", size: 85 },
  { method: "POST", target: "/shop.v1.Stock/Watch", status: 200, took: 9_900, kind: "grpc", size: 84 },
  { method: "GET", target: "/api/stock/events", status: 200, took: 4_600_000, kind: "events", size: 647 },
  { method: "POST", target: "/api/telemetry", status: 202, took: 3_000, kind: "protobuf", size: 0 },
];

const mediaTypes: Record<Kind, string | null> = {
  search: "application/json", product: "application/json", stock: "application/json", broken: "application/json", page: "text/html; charset=utf-8",
  form: null, image: "image/png", bytes: "application/octet-stream", multipart: "application/json", protobuf: null, grpc: "application/grpc",
  socket: null, events: "text/event-stream", empty: null, health: "text/plain",
};

const pods = ["web-6f9c7d-k2x8p", "web-6f9c7d-zt4mn", "checkout-5d8b9-q7c2r"] as const;

/** The request with a number; the same number always gives the same one. */
export function made(id: number, began: number): Kept {
  const sample = samples[id % samples.length] ?? samples[0];
  if (!sample) throw new Error("there must be samples");
  const { method, target, status, took, kind, outcome = { kind: "answered" } } = sample;
  return {
    kind,
    summary: {
      id, began, place, method, target, host: "catalog.shop", outcome,
      protocol: kind === "grpc" ? "HTTP/2" : "HTTP/1.1",
      source: { address: `10.244.0.${17 + (id % 3)}`, pod: pods[id % 3] ?? null },
      status: status === 0 ? null : status,
      mediaType: mediaTypes[kind],
      requestSize: method === "GET" ? 0 : 118,
      responseSize: sample.size,
      took: Math.round(took * (0.8 + ((id * 7919) % 40) / 100)),
      tags: { pinned: id % 97 === 0, replayOf: null, edited: false },
    },
  };
}

/** The same while nothing was answered yet. */
export function inFlight(kept: Kept): Kept {
  const summary: Summary = { ...kept.summary, outcome: { kind: "inFlight" }, status: null, took: null, mediaType: null, responseSize: 0 };
  return { ...kept, summary };
}

const requestBodies: Partial<Record<Kind, Decoded>> = {
  search: say.searchQuestion, form: say.form, multipart: say.multipart, protobuf: say.protobuf, grpc: say.grpcQuestion,
};

function answerOf({ kind, summary }: Kept): Decoded {
  switch (kind) {
    case "search": case "stock": return say.searchAnswer(summary.took ? Math.round(summary.took / 1300) : 36);
    case "product": case "multipart": return say.product(summary.id);
    case "broken": return say.brokenJson;
    case "page": return say.page;
    case "image": return say.image;
    case "bytes": return say.bytes;
    case "grpc": return say.grpcAnswer;
    case "socket": return say.socket;
    case "events": return say.events;
    case "health": return say.textBody("ok");
    default: return say.emptyBody;
  }
}

const header = (name: string, value: string): Header => ({ name, value });
const words = (text: Text) => (typeof text === "string" ? text : text.base64);

function requestHeaders({ summary, kind }: Kept, reveal: boolean): Header[] {
  const headers = [
    header("host", summary.host),
    header("accept", "application/json"),
    header("x-c6o-intercept", "yes"),
    header("traceparent", "00-8f1c42d07be94d0fa3c1b2a95e6d7788-00f067aa0ba902b7-01"),
    header("authorization", reveal ? "Bearer made-up-token" : "hidden"),
    header("x-request-id", `7c1e${summary.id.toString(16).padStart(4, "0")}`),
  ];
  if (requestBodies[kind]) headers.splice(1, 0, header("content-type", kind === "multipart" ? "multipart/form-data; boundary=x" : "application/json"));
  return headers;
}

function responseHeaders({ summary, kind }: Kept, reveal: boolean): Header[] {
  const headers = [header("date", "Wed, 25 Nov 2026 14:07:38 GMT"), header("cache-control", "no-store"), header("server", "node")];
  if (summary.mediaType) headers.unshift(header("content-type", summary.mediaType));
  if (kind === "search") headers.push(header("content-encoding", "gzip"), header("set-cookie", reveal ? "cart=made-up; HttpOnly" : "hidden"));
  return headers;
}

const hidden = ({ kind }: Kept): Hidden[] => [
  { part: "requestHeaders", where: { kind: "header", name: "authorization" } },
  ...(kind === "search" ? [{ part: "responseHeaders" as const, where: { kind: "header" as const, name: "set-cookie" } }] : []),
];

export function headerText(kept: Kept): string {
  return [...requestHeaders(kept, false), ...responseHeaders(kept, false)].map(({ name, value }) => `${words(name)}: ${words(value)}`).join("\n");
}

export function editable(kept: Kept) {
  const { summary } = kept;
  const body = requestBodies[kept.kind];
  return {
    method: summary.method, target: summary.target, host: summary.host,
    headers: requestHeaders(kept, true).slice(1).map(({ name, value }) => ({ name: words(name), value: words(value) })),
    body: kept.sent?.body ?? (body?.content.kind === "json" ? body.content.pretty : null),
  };
}

function exchangeOf(kept: Kept, reveal: boolean): Exchange {
  const { summary } = kept;
  const took = summary.took ?? null;
  const isAnswered = summary.status !== null && summary.status !== undefined;
  return {
    id: summary.id, place: summary.place, began: summary.began, protocol: summary.protocol, source: summary.source ?? null,
    times: took === null ? { proxy: -2_900 } : { proxy: -2_900, connect: 400, sent: 900, firstByte: isAnswered ? Math.round(took * 0.92) : null, lastByte: isAnswered ? took : null },
    request: {
      method: summary.method, target: summary.target, host: summary.host,
      headers: kept.sent?.headers.map(({ name, value }) => header(name, value)) ?? requestHeaders(kept, reveal),
      body: { size: summary.requestSize },
    },
    response: isAnswered
      ? {
          status: summary.status ?? 0,
          reason: { 200: "OK", 201: "Created", 404: "Not Found", 409: "Conflict", 500: "Internal Server Error" }[summary.status ?? 0] ?? "",
          headers: responseHeaders(kept, reveal), body: { size: summary.responseSize },
          trailers: kept.kind === "grpc" ? [header("grpc-status", "5"), header("grpc-message", "no warehouse holds LMP-0731-BRS")] : [],
        }
      : null,
    outcome: summary.outcome, tags: summary.tags,
  };
}

export function detailOf(kept: Kept, reveal: boolean, replays: Summary[]): RequestDetail {
  const isAnswered = kept.summary.status !== null && kept.summary.status !== undefined;
  const sentBody = kept.sent?.body;
  return {
    exchange: exchangeOf(kept, reveal),
    summary: kept.summary,
    request: sentBody ? say.textBody(sentBody) : (requestBodies[kept.kind] ?? say.emptyBody),
    response: isAnswered ? (kept.said ?? answerOf(kept)) : null,
    hidden: reveal ? [] : hidden(kept),
    replays,
  };
}
