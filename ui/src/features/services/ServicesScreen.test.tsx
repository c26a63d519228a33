import { act, screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";

import type { InterceptWish } from "../../bindings/wire";
import { useEffect } from "react";
import { useStore, useWatched } from "../../state/use-desk";
import { draw, violations } from "../../testing/draw";
import { ServicesScreen } from "./ServicesScreen";

type Wishes = Parameters<typeof draw>[1] & { context?: string };

function open({ context = "kind-dev", ...wishes }: Wishes = {}) {
  const onSheet = vi.fn<(wish: InterceptWish) => void>();
  return { onSheet, ...draw(<Watching context={context} onSheet={onSheet} />, wishes) };
}

function Watching({ context, onSheet }: { context: string; onSheet: (wish: InterceptWish) => void }) {
  const { watch } = useStore();
  const watched = useWatched();
  useEffect(() => { watch(context, null); }, [watch, context]);
  if (!watched) return null;
  return (
    <ServicesScreen
      watched={watched} places={null} onSheet={onSheet} onLookAgain={() => { watch(context, null); }} onAllNamespaces={() => undefined}
    />
  );
}

const row = (name: string) => screen.findByRole("row", { name: new RegExp(`^${name},`) });

describe("Services", () => {
  it("show ports, others' intercepts, and why one cannot be intercepted", async () => {
    const { container } = open();
    expect(within(await row("orders-db")).getByText(/It governs a StatefulSet/)).toBeTruthy();
    expect(within(await row("orders-db")).queryByRole("switch")).toBeNull();
    expect(within(await row("catalog")).getByText(/http:80/)).toBeTruthy();
    expect(within(await row("checkout")).getByText("theo@desk · 34 min")).toBeTruthy();
    expect(await violations(container)).toEqual([]);
  });

  it("of mine tell their match, target and state in a second line", async () => {
    open();
    const mine = await row("catalog");
    expect(within(mine).getByText("X-C6O-INTERCEPT: yes")).toBeTruthy();
    expect(within(mine).getByText("localhost:3000")).toBeTruthy();
    expect(within(mine).getByText(/active · 4 min/)).toBeTruthy();
  });

  it("of mine stop at their switch", async () => {
    const { user, bridge } = open();
    await user.click(within(await row("catalog")).getByRole("switch"));
    expect(bridge.asked).toContainEqual({ name: "stop_intercept", question: { key: 1 } });
  });

  it("ask for the sheet at their switch, with the remembered wish", async () => {
    const { user, onSheet, bridge } = open({ scenario: "quiet" });
    await user.click(within(await row("cart")).getByRole("switch"));
    expect(onSheet.mock.lastCall?.[0]).toMatchObject({ service: "cart", mark: { kind: "header", name: "X-C6O-INTERCEPT", value: "yes" }, port: "http" });
    expect(bridge.asked.map(({ name }) => name)).not.toContain("open_intercept");
  });

  it("take a local port in the row", async () => {
    const { user, onSheet } = open({ scenario: "quiet" });
    await user.click(within(await row("cart")).getByText("cart"));
    await user.type(within(await row("cart")).getByRole("combobox", { name: "Local port for cart" }), "8081");
    await user.keyboard("{Escape}");
    await user.click(within(await row("cart")).getByRole("switch"));
    expect(onSheet.mock.lastCall?.[0].target).toBe("8081");
  });

  it("are walked, starred and opened with keys alone", async () => {
    const { user, onSheet, bridge } = open({ scenario: "quiet" });
    await row("catalog");
    await user.keyboard("/cat{ArrowDown}");
    expect(document.activeElement?.getAttribute("aria-label")).toMatch(/^catalog,/);
    await user.keyboard("f");
    expect(bridge.world.preferences.favourites).toEqual(["kind-dev/shop/catalog"]);
    await user.keyboard("{Enter}");
    expect(onSheet.mock.lastCall?.[0].service).toBe("catalog");
  });

  it("that are favourites come first", async () => {
    const { user } = open({ scenario: "quiet" });
    await user.click(within(await row("web")).getByRole("button", { name: "Favourite: web" }));
    expect(screen.getAllByRole("row")[1]?.textContent).toContain("Favourites");
    expect(screen.getAllByRole("row")[2]?.textContent).toContain("web");
  });

  it("are narrowed by the filter, which Escape empties", async () => {
    const { user } = open({ scenario: "quiet" });
    await row("catalog");
    await user.keyboard("/nowhere");
    expect(screen.getByRole("region", { name: "Nothing matches" })).toBeTruthy();
    await user.keyboard("{Escape}");
    await row("catalog");
  });

  it("by the ten thousand draw only those in sight", async () => {
    open({ scenario: "many" });
    await row("service-00000");
    expect(screen.getAllByRole("row").length).toBeLessThan(80);
  });

  it("change as they are told", async () => {
    const { bridge } = open({ scenario: "quiet" });
    await row("catalog");
    act(() => {
      bridge.emit({
        kind: "services", context: "kind-dev", namespace: null, connection: { state: "reconnecting", why: "The network is gone.", hint: null },
        isWhole: false, changed: [], removed: [["shop", "catalog"]], notes: [],
      });
    });
    expect(screen.queryByRole("row", { name: /^catalog,/ })).toBeNull();
    expect(screen.getByText(/The network is gone/)).toBeTruthy();
  });

  it("that are none say so", async () => {
    const { container } = open({ context: "minikube" });
    expect(await screen.findByRole("region", { name: "No Services in minikube" })).toBeTruthy();
    expect(await violations(container)).toEqual([]);
  });

  it("still being read are named after a moment", async () => {
    const { container } = open({ scenario: "loading" });
    expect(await screen.findByText("Connecting to kind-dev…")).toBeTruthy();
    expect(await violations(container)).toEqual([]);
  });

  it("that cannot be read show cause, hint and a way out", async () => {
    const { user, bridge, container } = open({ scenario: "error" });
    const alert = await screen.findByRole("alert", { name: "Could not log in to kind-dev" });
    expect(alert.textContent).toContain("kubelogin");
    expect(await violations(container)).toEqual([]);
    await user.click(within(alert).getByRole("button", { name: "Copy details" }));
    expect(bridge.copied[0]).toContain("kubelogin");
    await user.click(within(alert).getByRole("button", { name: "Look again" }));
    expect(bridge.asked.filter(({ name }) => name === "watch_services")).toHaveLength(2);
  });

  it("tell others' intercepts, which are taken out after a second question", async () => {
    const { user, bridge } = open({ scenario: "quiet" });
    await user.click(within(await row("checkout")).getByText("checkout"));
    const pane = screen.getByRole("complementary", { name: "checkout" });
    await user.click(within(pane).getByRole("button", { name: "Take out" }));
    expect(bridge.asked.map(({ name }) => name)).not.toContain("close_others_intercept");
    await user.click(within(pane).getByRole("button", { name: "Take out" }));
    expect(bridge.asked.map(({ name }) => name)).toContain("close_others_intercept");
  });
});
