import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { Refusal } from "../bridge/bridge";
import { fakeBridge } from "../bridge/fake";
import { BridgeContext } from "../bridge/use-bridge";
import { violations } from "../testing/draw";
import { App } from "./App";

function open(wishes: Parameters<typeof fakeBridge>[0] = {}) {
  const bridge = fakeBridge(wishes);
  const page = render(<BridgeContext value={bridge}><App /></BridgeContext>);
  return { user: userEvent.setup(), bridge, ...page };
}

const commands = (bridge: ReturnType<typeof fakeBridge>) => bridge.asked.map(({ name }) => name);
const row = (name: string) => screen.findByRole("row", { name: new RegExp(`^${name},`) });

describe("the first start", () => {
  it("lists clusters and contacts none of them", async () => {
    const { bridge, container } = open({ scenario: "first" });
    const list = await screen.findByRole("listbox", { name: "Clusters" });
    expect(within(list).getAllByRole("option")).toHaveLength(4);
    expect(commands(bridge)).not.toContain("watch_services");
    expect(await violations(container)).toEqual([]);
  });

  it("leads to a running intercept in the sandbox with three clicks", async () => {
    const { user } = open({ scenario: "first" });
    await user.click(await screen.findByRole("button", { name: "Start the sandbox" }));
    await user.click(await screen.findByRole("switch", { name: "Intercept cart" }));
    const apply = await screen.findByRole("button", { name: /^Intercept cart/ });
    await waitFor(() => { expect(apply.hasAttribute("disabled")).toBe(false); });
    await user.click(apply);
    expect(await screen.findByText(/A request to cart.shop now reaches localhost:3000/)).toBeTruthy();
  });

  it("without a kubeconfig says so and offers the sandbox", async () => {
    open({ scenario: "bare" });
    expect((await screen.findByRole("alert", { name: "No kubeconfig was found" })).textContent).toContain("/home/mira/.kube/config");
    expect(screen.getByRole("button", { name: "Start the sandbox" })).toBeTruthy();
  });

  it("says why the sandbox does not start", async () => {
    const refuse = () => { throw new Refusal({ code: "sandboxUnstartable", message: "No address is free.", hint: "Try again.", field: null, spot: null }); };
    const { user } = open({ scenario: "first", answers: { try_sandbox: refuse } });
    await user.click(await screen.findByRole("button", { name: "Start the sandbox" }));
    expect((await screen.findByRole("alert", { name: "The sandbox does not start" })).textContent).toContain("No address is free.");
  });

  it("connects to the cluster that is chosen, and is not shown again", async () => {
    const { user, bridge } = open({ scenario: "first" });
    await user.click(await screen.findByRole("button", { name: "Connect to kind-dev" }));
    await row("catalog");
    expect(bridge.asked.find(({ name }) => name === "watch_services")?.question).toEqual({ context: "kind-dev", namespace: "shop" });
    expect(bridge.world.preferences.hasSeenFirstStart).toBe(true);
  });
});

describe("the frame", () => {
  it("changes screens with Ctrl and a number", async () => {
    const { user } = open({ scenario: "quiet" });
    await row("catalog");
    await user.keyboard("{Control>}4{/Control}");
    expect(screen.getByRole("radio", { name: "Settings" }).getAttribute("aria-checked")).toBe("true");
    await user.keyboard("{Control>}1{/Control}");
    await row("catalog");
  });

  it("tells intercepts in the strip and stops them all", async () => {
    const { user, bridge } = open();
    expect(await screen.findByText("1 intercept active")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Stop all" }));
    expect(await screen.findByText("No intercept")).toBeTruthy();
    expect(commands(bridge)).toContain("stop_all");
    expect(await screen.findByText(/catalog is restored/)).toBeTruthy();
  });

  it("finds commands by name, and an intercept with its port", async () => {
    const { user } = open({ scenario: "quiet" });
    await row("catalog");
    await user.keyboard("{Control>}k{/Control}");
    await user.keyboard("intercept checkout to 4000");
    await user.keyboard("{ArrowDown}{Enter}");
    const sheet = await screen.findByRole("dialog", { name: "Intercept checkout" });
    expect(within(sheet).getByRole("textbox", { name: "Local target" })).toHaveProperty("value", "4000");
  });

  it("lists the keys at ?", async () => {
    const { user } = open({ scenario: "quiet" });
    await row("catalog");
    await user.keyboard("?");
    expect(await screen.findByRole("dialog", { name: "Keys" })).toBeTruthy();
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("asks before leaving while an intercept is active", async () => {
    const { user, bridge } = open();
    await screen.findByText("1 intercept active");
    const quit = vi.spyOn(bridge.shell, "quit");
    bridge.emit({ kind: "go", screen: "quit" });
    const dialog = await screen.findByRole("dialog", { name: "1 intercept is active" });
    expect(within(dialog).getByRole("button", { name: "Keep running in tray" })).toBeTruthy();
    await user.click(within(dialog).getByRole("button", { name: "Restore and quit" }));
    expect(quit).toHaveBeenCalledExactlyOnceWith("restore");
  });

  it("that broke can still stop everything", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { user, bridge } = open();
    await screen.findByText("1 intercept active");
    // @ts-expect-error what no program would tell
    bridge.emit({ kind: "intercepts", intercepts: [{ key: 1 }] });
    const alert = await screen.findByRole("alert", { name: "The window broke" });
    await user.click(within(alert).getByRole("button", { name: "Stop everything and restore" }));
    expect(await screen.findByText(/Everything is stopped/)).toBeTruthy();
  });

  it("says when the program does not answer", async () => {
    const refuse = () => { throw new Refusal({ code: "unexpected", message: "It is gone.", hint: "Start it again.", field: null, spot: null }); };
    open({ answers: { hello: refuse } });
    expect((await screen.findByRole("alert", { name: "The program does not answer" })).textContent).toContain("It is gone.");
  });

  it("has no accessibility violation", async () => {
    const { container } = open();
    await row("catalog");
    expect(await violations(container)).toEqual([]);
  });
});
