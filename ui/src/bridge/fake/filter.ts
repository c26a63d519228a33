// A small reader of the filter language for made-up requests: enough of docs/filter.md to try every part of the window.

import type { Summary } from "../../bindings/wire";
import { Refusal } from "../bridge";

/** What a filter is asked about. */
export interface Filterable {
  summary: Summary;
  /** Names and values of headers, and bodies, as one text in lower case. */
  text: string;
}

type Test = (one: Filterable) => boolean;

const pathOf = (target: string) => target.split("?")[0] ?? "";
const queryOf = (target: string) => target.split("?")[1] ?? "";

const texts: Record<string, (one: Filterable) => string> = {
  method: ({ summary }) => summary.method,
  path: ({ summary }) => pathOf(summary.target),
  query: ({ summary }) => queryOf(summary.target),
  host: ({ summary }) => summary.host,
  url: ({ summary }) => summary.host + summary.target,
  type: ({ summary }) => summary.mediaType ?? "",
  svc: ({ summary }) => summary.place.service,
  ns: ({ summary }) => summary.place.namespace,
  context: ({ summary }) => summary.place.context,
  intercept: ({ summary }) => summary.place.intercept,
  source: ({ summary }) => `${summary.source?.address ?? ""} ${summary.source?.pod ?? ""}`,
  pod: ({ summary }) => summary.source?.pod ?? "",
  body: ({ text }) => text,
  reqbody: ({ text }) => text,
  resbody: ({ text }) => text,
  header: ({ text }) => text,
  reqheader: ({ text }) => text,
  resheader: ({ text }) => text,
};
const aliases: Record<string, string> = { service: "svc", namespace: "ns", ctx: "context", from: "source", slow: "took", duration: "took", proto: "protocol" };

const numbers: Record<string, (summary: Summary) => number | null> = {
  status: (summary) => summary.status ?? null,
  took: (summary) => summary.took ?? null,
  size: (summary) => summary.requestSize + summary.responseSize,
  reqsize: (summary) => summary.requestSize,
  ressize: (summary) => summary.responseSize,
  port: (summary) => summary.place.port,
  id: (summary) => summary.id,
  replayof: (summary) => summary.tags.replayOf ?? null,
};

const outcomes: Record<string, string> = {
  answered: "answered", mocked: "mocked", fellback: "fellBack", cluster: "answeredByCluster", reset: "reset",
  timedout: "timedOut", failed: "failed", inflight: "inFlight", imported: "imported",
};

function isWord(word: string, summary: Summary): boolean {
  if (word === "pinned") return summary.tags.pinned;
  if (word === "replayed") return (summary.tags.replayOf ?? null) !== null;
  if (word === "edited") return summary.tags.edited;
  const broken = ["reset", "timedOut", "failed"].includes(summary.outcome.kind);
  if (word === "error") return broken || (summary.status ?? 0) >= 500;
  return summary.outcome.kind === outcomes[word];
}

const units: Record<string, number> = {
  us: 1, ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000, b: 1, kb: 1000, mb: 1_000_000, kib: 1024, mib: 1_048_576, "": 1,
};

class Reader {
  #at = 0;

  constructor(private readonly filter: string) {}

  read(): Test {
    this.#space();
    if (this.#at === this.filter.length) return () => true;
    const test = this.#any();
    if (this.#at === this.filter.length) return test;
    this.#fail(this.#at, 1, "This parenthesis was not opened.", "Remove it, or open one before it.");
  }

  #any(): Test {
    const tests = [this.#all()];
    while (this.#skip("|")) {
      this.#skip("|");
      tests.push(this.#all());
    }
    return (one) => tests.some((test) => test(one));
  }

  #all(): Test {
    const tests: Test[] = [];
    this.#space();
    while (this.#at < this.filter.length && !"|),".includes(this.#char())) {
      tests.push(this.#one());
      this.#space();
    }
    if (tests.length === 0) this.#fail(this.#at, 0, "A term is missing here.", "Write one, such as status:5xx.");
    return (one) => tests.every((test) => test(one));
  }

  #one(): Test {
    if (this.#skip("-")) return not(this.#one());
    if (this.#skip("not(")) return not(this.#closed());
    if (this.#skip("or(")) {
      const tests = [this.#any()];
      while (this.#skip(",")) tests.push(this.#any());
      this.#close();
      return (one) => tests.some((test) => test(one));
    }
    if (this.#skip("(")) return this.#closed();
    return this.#term();
  }

  #closed(): Test {
    const test = this.#any();
    this.#close();
    return test;
  }

  #close() {
    if (!this.#skip(")")) this.#fail(this.filter.length, 0, "A parenthesis is not closed.", "Add ) at the end.");
  }

  #term(): Test {
    const at = this.#at;
    const name = /^[a-z]+(?=:)/i.exec(this.filter.slice(at))?.[0].toLowerCase();
    if (name === undefined) {
      const { value } = this.#value();
      const needle = value.toLowerCase();
      return ({ summary, text }) => `${summary.target} ${summary.host} ${text}`.toLowerCase().includes(needle);
    }
    this.#at += name.length + 1;
    return this.#field(aliases[name] ?? name, name, at);
  }

  #field(field: string, name: string, at: number): Test {
    const numeric = numbers[field];
    if (numeric) return this.#bounds(numeric, field);
    const sign = /^[=^~*]?/.exec(this.filter.slice(this.#at))?.[0] ?? "";
    this.#at += sign.length;
    const spot = this.#at;
    const { value } = this.#value();
    const needle = value.toLowerCase();
    if (field === "is") {
      if (!(needle in outcomes) && !["pinned", "replayed", "edited", "error"].includes(needle)) {
        this.#fail(spot, value.length, `"${value}" is nothing that a request can be.`, "Try is:error, is:pinned or is:inflight.");
      }
      return ({ summary }) => isWord(needle, summary);
    }
    if (field === "has") return ({ summary }) => (needle === "response" ? summary.status !== null : true);
    if (field === "protocol") return ({ summary }) => summary.protocol.toLowerCase().replace("/", "").startsWith(needle);
    if (field === "since" || field === "before") return () => true;
    const text = texts[field];
    if (!text) this.#fail(at, name.length, `"${name}" is no field.`, `Put it between quotes to search for it: "${name}:${value}".`);
    const needleOfHeader = field.endsWith("header") ? needle.replace("=", ": ") : needle;
    return (one) => compare(text(one).toLowerCase(), sign, needleOfHeader, field === "method");
  }

  #bounds(of: (summary: Summary) => number | null, field: string): Test {
    const found = /^(>=|<=|>|<|=)?([^\s()|,]*)/.exec(this.filter.slice(this.#at));
    const sign = found?.[1] ?? (field === "took" ? ">=" : "=");
    const value = found?.[2] ?? "";
    const at = this.#at + (found?.[1]?.length ?? 0);
    this.#at += found?.[0].length ?? 0;
    const status = /^([1-5])xx$/i.exec(value)?.[1];
    const [from, to] = status ? [Number(status) * 100, Number(status) * 100 + 99] : value.split("..").map((part) => this.#number(part, at, field));
    const low = from ?? 0;
    return ({ summary }) => {
      const number = of(summary);
      if (number === null) return false;
      if (to !== undefined) return number >= low && number <= to;
      return { ">": number > low, ">=": number >= low, "<": number < low, "<=": number <= low }[sign] ?? number === low;
    };
  }

  #number(text: string, at: number, field: string): number {
    const found = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text);
    const unit = units[(found?.[2] ?? "").toLowerCase()];
    if (found && unit !== undefined) return Number(found[1]) * unit;
    if (field === "took") this.#fail(at, text.length, `"${text}" is not a duration.`, "Try 300ms, 1.5s or 2m.");
    this.#fail(at, text.length, `"${text}" is not a number.`, "Try a number, such as 404.");
  }

  #value(): { value: string } {
    const rest = this.filter.slice(this.#at);
    const inQuotes = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
    const bare = inQuotes?.[0] ?? /^[^\s()|,]*/.exec(rest)?.[0] ?? "";
    if (!inQuotes && rest.startsWith('"')) this.#fail(this.#at, rest.length, "The quote is not closed.", 'Add " at the end.');
    if (bare === "") this.#fail(this.#at, 0, "A value is missing here.", "Write what to look for.");
    this.#at += bare.length;
    return { value: inQuotes ? (inQuotes[1] ?? "").replace(/\\(["\\])/g, "$1") : bare };
  }

  #char(): string {
    return this.filter[this.#at] ?? "";
  }

  #space() {
    while (/\s/.test(this.#char())) this.#at += 1;
  }

  #skip(text: string): boolean {
    this.#space();
    if (!this.filter.slice(this.#at).toLowerCase().startsWith(text)) return false;
    this.#at += text.length;
    return true;
  }

  #fail(at: number, length: number, message: string, hint: string): never {
    throw new Refusal({ code: "filterWrong", message, hint, field: null, spot: { at, length } });
  }
}

const not = (test: Test): Test => (one) => !test(one);

function compare(text: string, sign: string, needle: string, isWhole: boolean): boolean {
  if (sign === "=") return text === needle;
  if (sign === "^") return text.startsWith(needle);
  if (sign === "~") return new RegExp(needle).test(text);
  if (needle.includes("*") || sign === "*") return new RegExp(`^${needle.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(text);
  return isWhole ? text === needle : text.includes(needle);
}

/** Throws a refusal with the spot where it cannot be read. */
export const readFilter = (filter: string): Test => new Reader(filter).read();
