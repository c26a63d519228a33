// The whole window, every screen in every state of the made-up program: what axe says, and whether the keyboard reaches all.

import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it } from "vitest";

import { fakeBridge } from "../bridge/fake";
import type { Scenario } from "../bridge/fake";
import { BridgeContext } from "../bridge/use-bridge";
import { violations } from "../testing/violations";
import { App } from "./App";
import { screens, type ScreenName } from "./screens";

const scenarios: Scenario[] = ["full", "empty", "loading", "error", "broken", "quiet", "first", "bare"];

function open(name: ScreenName, scenario: Scenario) {
  window.history.replaceState(null, "", `?screen=${name}`);
  const bridge = fakeBridge({ scenario });
  render(<BridgeContext value={bridge}><App /></BridgeContext>);
  return bridge;
}

/** Answers of the made-up program come in some turns of the clock. */
const settle = () => act(async () => { await new Promise((resolve) => { setTimeout(resolve, 300); }); });

afterEach(() => { window.history.replaceState(null, "", "/"); });

describe("axe finds nothing", () => {
  const all = screens.flatMap((name) => scenarios.map((scenario): [ScreenName, Scenario] => [name, scenario]));
  it.each(all)("on %s, %s", async (name, scenario) => {
    open(name, scenario);
    await settle();
    expect(await violations()).toEqual([]);
  });
});

describe("axe finds nothing in what opens", () => {
  it("with the palette, the keys and the question before quitting", async () => {
    const bridge = open("tunnel", "full");
    await settle();
    const user = userEvent.setup();
    await user.keyboard("{Control>}k{/Control}");
    await screen.findByRole("dialog");
    expect(await violations()).toEqual([]);
    await user.keyboard("{Escape}?");
    await screen.findByRole("dialog", { name: "Keys" });
    expect(await violations()).toEqual([]);
    await user.keyboard("{Escape}");
    act(() => { bridge.emit({ kind: "go", screen: "quit" }); });
    await screen.findByRole("dialog", { name: "1 intercept is active" });
    expect(await violations()).toEqual([]);
  });

  it("with the sheet, while it plans and when it has planned", async () => {
    const bridge = open("services", "full");
    await settle();
    const wish = bridge.world.intercepts[0]?.wish;
    if (!wish) throw new Error("the full scenario must have an intercept");
    act(() => { bridge.emit({ kind: "go", screen: "sheet", wish: { ...wish, service: "cart", target: "3002" } }); });
    expect(await violations()).toEqual([]);
    await settle();
    await settle();
    expect(await violations()).toEqual([]);
  });

  it("with a request's detail, and with two answers beside each other", async () => {
    open("inspector", "full");
    await settle();
    const user = userEvent.setup();
    await user.keyboard("j{Enter}");
    await settle();
    expect(await violations()).toEqual([]);
    await user.keyboard("{Escape}d");
    await settle();
    expect(await violations()).toEqual([]);
  });
});

/** How Tab goes: the names of what it reaches, until it comes round. */
async function walk(most = 80): Promise<string[]> {
  const user = userEvent.setup();
  const seen = new Set<Element>();
  const names: string[] = [];
  while (names.length < most) {
    await user.tab();
    const element = document.activeElement;
    if (!element || element === document.body || seen.has(element)) break;
    seen.add(element);
    names.push(element.getAttribute("aria-label") ?? element.textContent);
  }
  return names;
}

describe("the keyboard alone", () => {
  it.each(screens)("walks over %s and comes to the end of the window, past controls that all have a name", async (name) => {
    open(name, "full");
    await settle();
    const names = await walk();
    expect(names.length).toBeGreaterThan(4);
    expect(names.some((each) => each.includes("Stop all"))).toBe(true);
  });

  it("goes from screen to screen", async () => {
    open("services", "full");
    await settle();
    const user = userEvent.setup();
    await user.keyboard("{Control>}3{/Control}");
    await waitFor(() => { expect(screen.getByRole("main", { name: "Tunnel" })).toBeTruthy(); });
    await user.keyboard("{Control>}4{/Control}");
    await waitFor(() => { expect(screen.getByRole("main", { name: "Settings" })).toBeTruthy(); });
  });
});
