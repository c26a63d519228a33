import { describe, expect, it } from "vitest";

import { paired, pathsOfLines } from "./compare-lines";

const words = (left: string, right: string) =>
  paired(left, right).map((pair) => `${pair.left?.text ?? "-"}${pair.isSame ? "=" : "!"}${pair.right?.text ?? "-"}`);

describe("lines beside each other", () => {
  it("stand beside their equals", () => {
    expect(words("a\nb\nc", "a\nx\nc")).toEqual(["a=a", "b!x", "c=c"]);
    expect(words("a\nc", "a\nb\nc")).toEqual(["a=a", "-!b", "c=c"]);
    expect(words("a\nb\nc\nd", "b\nd\ne")).toEqual(["a!-", "b=b", "c!-", "d=d", "-!e"]);
  });

  it("are all there, whatever differs", () => {
    const left = Array.from({ length: 40 }, (_, index) => String(index % 7)).join("\n");
    const right = Array.from({ length: 33 }, (_, index) => String(index % 5)).join("\n");
    const rows = paired(left, right);
    expect(rows.flatMap((row) => (row.left ? [row.left.text] : [])).join("\n")).toBe(left);
    expect(rows.flatMap((row) => (row.right ? [row.right.text] : [])).join("\n")).toBe(right);
  });
});

it("a path of JSON leads to the line where it begins", () => {
  const paths = pathsOfLines(JSON.stringify({ a: 1, items: [{ price: { amount: 2 } }, 3], "x y": null }, null, 2));
  expect(paths.get("$.a")).toBe(2);
  expect(paths.get("$.items[0].price.amount")).toBe(6);
  expect(paths.get("$.items[1]")).toBe(9);
  expect(paths.get('$["x y"]')).toBe(11);
});
