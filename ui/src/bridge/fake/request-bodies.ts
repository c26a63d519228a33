// What made-up bodies say, one of each kind that can be decoded.

import type { Content, Decoded, HexRow, Problem, SocketMessage } from "../../bindings/wire";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

export function decoded(content: Content, size: number, more: Partial<Decoded> = {}): Decoded {
  return { recorded: size, size, unpacked: size, content, ...more };
}

export const emptyBody: Decoded = decoded({ kind: "empty" }, 0);

export function jsonBody(value: unknown, more: Partial<Decoded> = {}): Decoded {
  const pretty = JSON.stringify(value, null, 2);
  return decoded({ kind: "json", charset: "utf-8", pretty }, bytesOf(pretty), more);
}

export function textBody(text: string, language: Extract<Content, { kind: "text" }>["language"] = "plain"): Decoded {
  return decoded({ kind: "text", charset: "utf-8", language, text }, bytesOf(text));
}

export const searchQuestion = jsonBody({
  q: "desk lamp",
  where: { category: "lamps", inStock: true, priceTo: 120 },
  sort: "relevance",
});

export const searchAnswer = (tookMs: number) =>
  jsonBody({
    total: 128,
    tookMs,
    items: [
      {
        id: 7312, sku: "LMP-0731-BRS", name: "Desk lamp, brass", price: { amount: 84.5, currency: "EUR" },
        stock: 12, tags: ["lamps", "new"], discount: null, badge: "new price", visible: true,
      },
      { id: 7298, sku: "LMP-0729-OAK", name: "Floor lamp, oak", price: { amount: 149, currency: "EUR" }, stock: 0 },
    ],
    next: "/api/products?after=7298",
  }, { codings: ["gzip"], recorded: 412, size: 412 });

/** What the origin answers to the same search. */
export const originSearchAnswer = jsonBody({
  total: 128,
  tookMs: 14,
  items: [
    {
      id: 7312, sku: "LMP-0731-BRS", name: "Desk lamp, brass", price: { amount: 89, currency: "EUR" },
      stock: 12, tags: ["lamps", "new"], discount: { percent: 5 }, visible: true,
    },
    { id: 7298, sku: "LMP-0729-OAK", name: "Floor lamp, oak", price: { amount: 149, currency: "EUR" }, stock: 0 },
  ],
  next: "/api/products?after=7298",
});

export const product = (id: number) =>
  jsonBody({ id, sku: `LMP-0${id}`, name: "Desk lamp, brass", price: { amount: 84.5, currency: "EUR" }, stock: id % 40, serial: 9007199254740993n.toString() });

const malformed: Problem = {
  kind: "malformed",
  text: "The JSON cannot be read: a value was expected, and a comma came.",
  at: { byte: 41, line: 3, column: 13 },
};

export const brokenJson = decoded(
  { kind: "json", charset: "utf-8", pretty: '{\n  "sku": "LMP-0731-BRS",\n  "price": ', rest: ', "currency": "EUR" }\n' },
  64,
  { problems: [malformed] },
);

export const page = textBody(
  '<!doctype html>\n<html lang="en">\n  <head>\n    <title>Product 88104</title>\n  </head>\n  <body>\n    <h1>Internal error</h1>\n    <p>related: cannot read "weight" of undefined</p>\n  </body>\n</html>\n',
  "html",
);

export const form = decoded(
  { kind: "form", fields: [{ name: "user", value: "mira" }, { name: "note", value: "two\nlines" }, { name: "quantity", value: "2" }] },
  41,
);

export const image = decoded({ kind: "image", format: "image/png", width: 8, height: 8 }, 85);
export const imageBytes =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAF0lEQVR42mNwPLINK2IYlBLoQrSTAAIA1RxvYbHQ9AMAAAAASUVORK5CYII=";

const hexRows = (count: number): HexRow[] =>
  Array.from({ length: count }, (_, row) => {
    const bytes = Array.from({ length: 16 }, (_unused, column) => (row * 37 + column * 11 + 64) % 256);
    return {
      offset: row * 16,
      hex: bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
      ascii: bytes.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join(""),
    };
  });

export const bytes = decoded({ kind: "bytes", beginning: hexRows(24) }, 1_900_000, {
  recorded: 1_048_576,
  problems: [{ kind: "cut", text: "Only the first 1.0 MB of 1.9 MB were kept." }],
});

export const multipart = decoded(
  {
    kind: "multipart",
    parts: [
      { headers: [{ name: "Content-Disposition", value: 'form-data; name="title"' }], name: "title", offset: 88, content: textBody("Desk lamp from above") },
      {
        headers: [{ name: "Content-Disposition", value: 'form-data; name="meta"' }, { name: "Content-Type", value: "application/json" }],
        name: "meta", filename: "meta.json", offset: 212, content: jsonBody({ width: 8, height: 8 }),
      },
      { headers: [{ name: "Content-Type", value: "image/png" }], name: "picture", filename: "lamp.png", offset: 401, content: image },
    ],
  },
  640,
);

export const protobuf = decoded(
  {
    kind: "protobuf",
    fields: [
      { number: 1, offset: 0, value: { kind: "varint", unsigned: "7312", zigzag: "3656" } },
      { number: 2, offset: 3, value: { kind: "text", text: "LMP-0731-BRS" } },
      {
        number: 3, offset: 17,
        value: { kind: "message", fields: [{ number: 1, offset: 0, value: { kind: "fixed64", unsigned: "4635653042094047232", float: "84.5" } }] },
      },
      { number: 4, offset: 28, value: { kind: "packed", values: ["1", "2", "3"] } },
      { number: 5, offset: 33, value: { kind: "bytes", hex: "00 ff 10 80", size: 4 } },
    ],
  },
  37,
);

export const grpcQuestion = decoded(
  { kind: "grpc", messages: [{ offset: 0, at: 900, size: 14, compressed: false, content: decoded({ kind: "message", messageType: "shop.v1.StockRequest", pretty: '{\n  "sku": "LMP-0731-BRS"\n}' }, 14) }] },
  19,
);

export const grpcAnswer = decoded(
  {
    kind: "grpc",
    messages: [
      { offset: 0, at: 6_100, size: 37, compressed: false, content: protobuf },
      { offset: 42, at: 9_800, size: 37, compressed: true, content: protobuf },
    ],
    status: { code: "5", name: "NOT_FOUND", message: "no warehouse holds LMP-0731-BRS" },
  },
  84,
);

const socketMessage = (index: number): SocketMessage => ({
  from: index % 3 === 0 ? "request" : "response",
  offset: index * 40,
  at: 2_000 + index * 121_000,
  opcode: index % 9 === 8 ? "ping" : "text",
  frames: 1,
  compressed: false,
  complete: true,
  content: index % 9 === 8 ? emptyBody : jsonBody(index % 3 === 0 ? { watch: `LMP-${7000 + index}` } : { sku: `LMP-${7000 + index}`, stock: index % 13 }),
});

export const socket = decoded(
  {
    kind: "webSocket",
    messages: [
      ...Array.from({ length: 212 }, (_, index) => socketMessage(index)),
      {
        from: "request", offset: 8_600, at: 26_100_000, opcode: "close", frames: 1, compressed: false, complete: true,
        close: { code: 1000, name: "normal closure", reason: "page left" }, content: emptyBody,
      },
    ],
  },
  31_000,
);

export const events = decoded(
  {
    kind: "events",
    events: [
      { kind: "comment", offset: 0, at: 1_200, data: "hello" },
      ...Array.from({ length: 14 }, (_, index) => ({
        kind: "event" as const, offset: 8 + index * 44, at: 200_000 + index * 310_000, id: String(index + 1), event: "stock",
        data: `{"sku":"LMP-${7300 + index}","stock":${index * 3}}`,
      })),
      { kind: "unfinished", offset: 640, data: '{"sku":' },
    ],
  },
  647,
);
