// The contrast of colours that stand on each other, computed from tokens.css for both themes (WCAG 2.2, AA).

import { describe, expect, it } from "vitest";

import css from "./tokens.css?raw";

const blockOf = (start: string) => css.slice(css.indexOf(start)).split("\n}\n")[0] ?? "";
const themes = { dark: blockOf(":root, [data-theme=\"dark\"] {"), light: blockOf("\n[data-theme=\"light\"] {") };

type Colour = [red: number, green: number, blue: number, alpha: number];

function token(theme: keyof typeof themes, name: string): Colour {
  const value = new RegExp(`--${name}:\\s*([^;]+);`).exec(themes[theme])?.[1] ?? "";
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(value);
  if (hex) return [parseInt(hex[1] ?? "", 16), parseInt(hex[2] ?? "", 16), parseInt(hex[3] ?? "", 16), 1];
  const rgb = /^rgb\((\d+) (\d+) (\d+) \/ (\.\d+)\)$/.exec(value);
  if (rgb) return [Number(rgb[1]), Number(rgb[2]), Number(rgb[3]), Number(rgb[4])];
  throw new Error(`--${name} of ${theme} must be a colour, not "${value}"`);
}

const over = ([r, g, b, a]: Colour, [r2, g2, b2]: Colour): Colour => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];

function light([red, green, blue]: Colour): number {
  const [r = 0, g = 0, b = 0] = [red, green, blue].map((part) => {
    const share = part / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(front: Colour, back: Colour): number {
  const [low = 0, high = 0] = [light(front), light(back)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const panes = ["surface-chrome", "surface-sunken", "surface-1", "surface-2", "surface-3", "row-hover"];
const controls = ["control", "control-hover", "control-press"];
const methods = ["m-get", "m-post", "m-put", "m-patch", "m-delete", "m-other"];
const states = ["s-1xx", "s-2xx", "s-3xx", "s-4xx", "s-5xx", "s-none"];

/** Words, and what they may stand on; a tint lies on each of the panes. */
const words: { fronts: string[]; backs: string[]; tints?: string[] }[] = [
  { fronts: ["text-1", "text-2"], backs: [...panes, ...controls], tints: ["accent-tint"] },
  { fronts: ["text-1"], backs: panes, tints: ["accent-tint-2"] },
  { fronts: ["text-3"], backs: panes, tints: ["accent-tint"] },
  { fronts: ["accent-text", "ok", "warn", "bad", "idle", "ctx-dev", "ctx-stage", "ctx-prod"], backs: panes },
  { fronts: ["accent-text"], backs: ["surface-1", "surface-2"], tints: ["accent-tint"] },
  ...["ok", "warn", "bad", "idle"].map((tone) => ({ fronts: [tone], backs: ["surface-1", "surface-2"], tints: [`${tone}-tint`] })),
  { fronts: [...methods, ...states], backs: ["surface-1", "surface-2", "row-hover"], tints: ["accent-tint"] },
  { fronts: ["c-key", "c-string", "c-number", "c-literal", "c-punct", "c-gutter"], backs: ["surface-1", "surface-sunken"] },
  { fronts: ["diff-add"], backs: ["surface-1", "surface-sunken"], tints: ["diff-add-bg"] },
  { fronts: ["diff-del"], backs: ["surface-1", "surface-sunken"], tints: ["diff-del-bg"] },
  { fronts: ["on-accent"], backs: ["accent", "accent-hover", "accent-press"] },
  { fronts: ["on-bad"], backs: ["bad-fill"] },
];

/** Marks that are the only sign of something. */
const marks = { fronts: ["line-control", "accent", "warn-fill", "bad-fill"], backs: ["surface-chrome", "surface-1", "surface-2"] };

function tooWeak(theme: keyof typeof themes, least: number, { fronts, backs, tints = [] }: (typeof words)[number]): string[] {
  const grounds = backs.flatMap((back) => {
    const colour = token(theme, back);
    return [{ name: back, colour }, ...tints.map((tint) => ({ name: `${tint} on ${back}`, colour: over(token(theme, tint), colour) }))];
  });
  return fronts.flatMap((front) => grounds.flatMap(({ name, colour }) => {
    const found = contrast(token(theme, front), colour);
    return found < least ? [`${front} on ${name}: ${found.toFixed(2)}`] : [];
  }));
}

describe.each(["dark", "light"] as const)("in the %s theme", (theme) => {
  it("words have a contrast of 4.5 to whatever they stand on", () => {
    expect(words.flatMap((pair) => tooWeak(theme, 4.5, pair))).toEqual([]);
  });

  it("marks that are the only sign of a control have a contrast of 3", () => {
    expect(tooWeak(theme, 3, marks)).toEqual([]);
  });
});

it("black on white has the contrast that WCAG says", () => {
  expect(contrast([0, 0, 0, 1], [255, 255, 255, 1])).toBeCloseTo(21);
});
