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
  render(<BridgeContext value={fakeBridge({ scenario })}><App /></BridgeContext>);
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
