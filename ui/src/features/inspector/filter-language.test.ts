import { describe, expect, it } from "vitest";

import { completionsAt, quoted, tokensOf, withoutHealth, withTerm, wrapped } from "./filter-language";

const kinds = (filter: string) => tokensOf(filter).map(({ kind, text }) => `${kind} ${text}`);

describe("tokens", () => {
  it("are signs, fields and values in their places", () => {
    expect(kinds('-path:/health status:>=500 "two words"')).toEqual(["sign -", "field path:", "value /health", "field status:", "value >=500", 'text "two words"']);
    expect(tokensOf("a  path:b").map(({ at }) => at)).toEqual([0, 3, 8]);
  });

  it("cover every character but spaces, whatever is typed", () => {
    for (const filter of ['(a | b) c,d', '"not closed', "-", "path:", 'x:"a\\"b" y', "localhost:8080", "--a", "|||", "é:ü"]) {
      const text = tokensOf(filter).map((token) => token.text).join("");
      expect(text).toBe(filter.includes('"') ? text : filter.replaceAll(" ", ""));
      expect(text.length).toBeGreaterThan(0);
    }
  });
});

describe("completion", () => {
  const offered = (filter: string) => completionsAt(filter, filter.length).options.map(({ insert }) => insert);

  it("offers fields for a beginning, and keeps the sign", () => {
    expect(offered("sta")[0]).toBe("status:");
    expect(offered("path:/a -me")).toContain("-method:");
  });

  it("offers values of a field, and those that were seen", () => {
    expect(offered("is:p")).toEqual(["is:pinned "]);
    expect(completionsAt("svc:", 4, { svc: ["cart"] }).options.map(({ insert }) => insert)).toEqual(["svc:cart "]);
  });

  it("offers nothing between quotes or after a word that is no field", () => {
    expect(offered('body:"sta')).toEqual([]);
    expect(offered("nothing:st")).toEqual([]);
  });
});

describe("terms", () => {
  it("are added once, and beside parentheses where there is a choice", () => {
    expect(withTerm("status:5xx", "method:GET")).toBe("status:5xx method:GET");
    expect(withTerm("a | b", "method:GET")).toBe("(a | b) method:GET");
    expect(withTerm("", "method:GET")).toBe("method:GET");
  });

  it("have quotes where the grammar needs them", () => {
    expect(quoted("/api/cart")).toBe("/api/cart");
    expect(quoted("two words")).toBe('"two words"');
    expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
    expect(quoted("x=(1)")).toBe('"x=(1)"');
  });

  it("leave health checks out of all of a filter", () => {
    expect(wrapped('"a|b"')).toBe('"a|b"');
    expect(withoutHealth("a | b")).toMatch(/^\(a \| b\) -\(/);
    expect(withoutHealth("")).toMatch(/^-\(/);
  });
});
