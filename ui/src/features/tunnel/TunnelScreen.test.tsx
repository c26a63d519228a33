import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { Refusal } from "../../bridge/bridge";
import { fakeBridge, type Answers, type Scenario } from "../../bridge/fake";
import { BridgeContext } from "../../bridge/use-bridge";
import { Desk } from "../../state/Desk";
import { GoContext } from "../../state/use-go";
import { violations } from "../../testing/violations";
import { TunnelScreen } from "./TunnelScreen";

function open(scenario: Scenario = "full", answers: Partial<Answers> = {}) {
  const bridge = fakeBridge({ scenario, answers });
  const go = vi.fn();
  render(
    <BridgeContext value={bridge}>
      <GoContext value={go}>
        <Desk><TunnelScreen /></Desk>
      </GoContext>
    </BridgeContext>,
  );
  return { bridge, go, user: userEvent.setup() };
}

const unreachable = new Refusal({ code: "clusterUnreachable", message: "The connection was refused.", hint: "Check the VPN.", field: null, spot: null });
const never = () => new Promise<never>(() => undefined);
const card = (name: string) => screen.findByRole("region", { name });

describe("without an intercept", () => {
  it("the screen says what it will show, and leads to Services", async () => {
    const { go, user } = open("empty");
    await user.click(await screen.findByRole("button", { name: "Go to Services" }));
    expect(go).toHaveBeenCalledExactlyOnceWith({ screen: "services" });
    expect(await violations()).toEqual([]);
  });

  it("a program that has not answered yet is waited for, with a name", async () => {
    open("full", { hello: never });
    expect(await screen.findByText("Asking the program…")).toBeTruthy();
    expect(await violations()).toEqual([]);
  });

  it("a program that does not answer is said, with cause and way out", async () => {
    const hello = vi.fn(() => Promise.reject(unreachable));
    const { user } = open("full", { hello });
    const alert = await screen.findByRole("alert", { name: "The program does not answer" });
    expect(alert.textContent).toContain("The connection was refused.");
    await user.click(within(alert).getByRole("button", { name: "Look again" }));
    expect(hello).toHaveBeenCalledTimes(2);
    expect(await violations()).toEqual([]);
  });
});

describe("an intercept in order", () => {
  it("shows every place with a state in words, and no violation", async () => {
    open();
    const line = await screen.findByRole("listbox", { name: "The way of a request" });
    await within(line).findByText("localhost:3000");
    const names = within(line).getAllByRole("option").map((option) => option.textContent);
    expect(names).toHaveLength(8);
    expect(names[1]).toBe("Servicein order: selects the proxy");
    expect(await violations()).toEqual([]);
  });

  it("is tested with T, and the result is a sentence with a time", async () => {
    const { bridge, user } = open();
    await screen.findByText("localhost:3000");
    await user.keyboard("t");
    expect(await screen.findByText("A request that fits arrives on this laptop and its answer is back after 4.1 ms.")).toBeTruthy();
    expect(bridge.asked.filter(({ name }) => name === "probe_intercept")).toHaveLength(1);
    expect(screen.getByText("2.1 ms")).toBeTruthy();
    expect(await violations()).toEqual([]);
  });

  it("is walked with the arrow keys, and each place says what is known of it", async () => {
    const { user } = open();
    await screen.findByText("localhost:3000");
    screen.getByRole("option", { name: /callers/ }).focus();
    await user.keyboard("{ArrowRight}{ArrowRight}{Enter}");
    expect((await card("What is known of proxy")).textContent).toContain("NGINX in the cluster.");
  });

  it("says why a test was refused, and what to do", async () => {
    const { user } = open("full", { probe_intercept: () => Promise.reject(unreachable) });
    await user.click(await screen.findByRole("button", { name: "Test every hop" }));
    expect(await screen.findByText("The connection was refused. Check the VPN.")).toBeTruthy();
  });

  it("says that a test is under way, and begins no other", async () => {
    const { bridge, user } = open("full", { probe_intercept: never });
    await user.click(await screen.findByRole("button", { name: "Test every hop" }));
    await screen.findByRole("button", { name: "Testing" });
    await user.keyboard("tt");
    expect(bridge.asked.filter(({ name }) => name === "probe_intercept")).toHaveLength(1);
  });

  it("copies diagnostics", async () => {
    const { bridge, user } = open();
    await user.click(await screen.findByRole("button", { name: "Copy diagnostics" }));
    await screen.findByRole("button", { name: "Copied" });
    expect(bridge.copied[0]).toContain("catalog.shop");
  });

  it("forgets a test when what it met has changed", async () => {
    const { bridge, user } = open();
    await user.click(await screen.findByRole("button", { name: "Test every hop" }));
    await screen.findByText(/its answer is back after/);
    const [view] = bridge.world.intercepts;
    if (!view) throw new Error("the full scenario must have an intercept");
    bridge.emit({ kind: "intercepts", intercepts: [{ ...view, phase: { phase: "reconnecting" } }] });
    await waitFor(() => { expect(screen.queryByText(/its answer is back after/)).toBeNull(); });
  });
});

describe("traffic", () => {
  it("is told in words, by reason and by caller", async () => {
    const { user } = open();
    const misses = await card("Requests that did not match");
    await user.click(await within(misses).findByRole("button", { name: /703 header absent/ }));
    expect(within(misses).getByText("A program on the way does not pass the header on.")).toBeTruthy();
    expect(within(misses).getByRole("table", { name: "header absent" })).toBeTruthy();
    expect(screen.getByText(/^Since it began: [\d,]+ requests to your laptop/)).toBeTruthy();
    expect(screen.getByRole("img", { name: /^In the last five minutes/ })).toBeTruthy();
    expect(within(await card("Callers")).getByText("web-7c9fd8b5c4-2xk9p")).toBeTruthy();
    expect(await violations()).toEqual([]);
  });

  it("that passed unseen is said, and so is a connection that may be kept alive", async () => {
    const { bridge } = open();
    await screen.findByText("localhost:3000");
    bridge.emit({
      kind: "traffic", key: 1,
      view: { sums: { matched: 1, fellBack: 0, unmatched: 0, unseen: 1_240, dropped: 2 }, seconds: [], reasons: [], callers: [], mayBeKeptAlive: 12 },
    });
    expect(await screen.findByText(/1,240 more requests passed without being looked at/)).toBeTruthy();
    expect(screen.getByText(/The switch was 12 s ago/)).toBeTruthy();
  });

  it("of nobody offers a request to send", async () => {
    const { bridge, user } = open();
    await screen.findByText("localhost:3000");
    bridge.emit({
      kind: "traffic", key: 1,
      view: { sums: { matched: 0, fellBack: 0, unmatched: 0, unseen: 0, dropped: 0 }, seconds: [], reasons: [], callers: [], mayBeKeptAlive: null },
    });
    await user.click(await screen.findByRole("button", { name: "Copy" }));
    expect(bridge.copied[0]).toMatch(/^curl/);
  });
});

describe("a program that is not there", () => {
  it("is the place shown first, and another target is reached through the sheet after a stop", async () => {
    const { bridge, go, user } = open("broken");
    const place = await card("What is known of your program");
    expect(place.textContent).toContain("Nothing listens on localhost:3002");
    expect(await violations()).toEqual([]);
    await user.click(await within(place).findByRole("button", { name: "Use :3000 (node)" }));
    await waitFor(() => { expect(go).toHaveBeenCalledOnce(); });
    expect(bridge.asked).toContainEqual({ name: "stop_intercept", question: { key: 1 } });
    expect(go.mock.calls[0]?.[0]).toMatchObject({ screen: "sheet", wish: { service: "catalog", target: "3000" } });
  });

  it("is stopped without another target where that is asked", async () => {
    const { go, user } = open("broken");
    await user.click(within(await card("What is known of your program")).getByRole("button", { name: "Stop the intercept" }));
    expect(await screen.findByText(/catalog is restored.*This intercept has ended/)).toBeTruthy();
    expect(go).not.toHaveBeenCalled();
  });

  it("stays an intercept when stopping is refused, and says why", async () => {
    const { go, user } = open("broken", { stop_intercept: () => Promise.reject(unreachable) });
    await user.click(await screen.findByRole("button", { name: "Use :3000 (node)" }));
    expect(await screen.findByText("The connection was refused. Check the VPN.")).toBeTruthy();
    expect(go).not.toHaveBeenCalled();
  });
});

describe("several intercepts", () => {
  it("are chosen by name, and each has its own way", async () => {
    const { user } = open("broken");
    await user.click(await screen.findByRole("button", { name: /Intercept/ }));
    await user.click(await screen.findByRole("option", { name: "cart.shop to localhost:3000" }));
    expect((await card("What is known of relay")).textContent).toContain("No relay is open");
    expect((await screen.findAllByText(/the API server closed the connection/)).length).toBeGreaterThan(0);
    expect(await violations()).toEqual([]);
  });
});
