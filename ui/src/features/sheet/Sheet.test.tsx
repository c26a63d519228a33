import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";

import type { InterceptWish } from "../../bindings/wire";
import { Refusal } from "../../bridge/bridge";
import { draw, violations } from "../../testing/draw";
import { Sheet } from "./Sheet";

const wish: InterceptWish = {
  context: "kind-dev", namespace: "shop", service: "cart", port: "http", mark: { kind: "header", name: "X-C6O-INTERCEPT", value: "yes" },
  pathPrefix: null, methods: [], target: "8081", acceptAnyCertificate: false, ttlSeconds: null, protocol: null, recording: "bodies",
};

function open(wishes: Parameters<typeof draw>[1] = {}, begun: Partial<InterceptWish> = {}) {
  const onClose = vi.fn();
  return { onClose, ...draw(<Sheet wish={{ ...wish, ...begun }} onClose={onClose} />, { scenario: "quiet", ...wishes }) };
}

const apply = () => screen.getByRole("button", { name: /^Intercept cart/ });
const ready = () => waitFor(() => { expect(apply().hasAttribute("disabled")).toBe(false); });

describe("the sheet", () => {
  it("shows the plan before anything changes", async () => {
    const { bridge, container } = open();
    expect(await screen.findByText("+ Deployment cart-intercept-proxy")).toBeTruthy();
    expect(screen.getByText("You may patch Services and create Deployments in shop")).toBeTruthy();
    await ready();
    expect(screen.getByText("Nothing has changed yet.")).toBeTruthy();
    expect(bridge.asked.map(({ name }) => name)).not.toContain("open_intercept");
    expect(await violations(container)).toEqual([]);
  });

  it("begins with a program that listens where no target was said", async () => {
    open({}, { target: "" });
    await waitFor(() => { expect(screen.getByRole("radio", { name: /:3000/ })).toHaveProperty("checked", true); });
  });

  it("plans anew after a change", async () => {
    const { user, bridge } = open();
    await ready();
    await user.click(screen.getByRole("radio", { name: "All traffic" }));
    await waitFor(() => { expect(bridge.asked.findLast(({ name }) => name === "plan_intercept")?.question).toMatchObject({ wish: { mark: { kind: "all" } } }); });
  });

  it("says what is wrong with a field at the field", async () => {
    const { user } = open();
    await ready();
    const path = screen.getByRole("textbox", { name: "Path prefix" });
    await user.type(path, "api");
    expect((await screen.findByRole("alert")).textContent).toContain("api is no path.");
    expect(path.getAttribute("aria-invalid")).toBe("true");
    expect(apply().hasAttribute("disabled")).toBe(true);
  });

  it("applies with Ctrl Enter, times the steps, and proves the way", async () => {
    const { user } = open();
    await ready();
    await user.keyboard("{Control>}{Enter}{/Control}");
    expect(await screen.findByText(/A request to cart.shop now reaches localhost:8081/)).toBeTruthy();
    expect(screen.getByText("960 ms")).toBeTruthy();
  });

  it("stops, and says that the cluster is restored", async () => {
    const { user } = open();
    await ready();
    await user.click(apply());
    await screen.findByText(/A request to cart.shop now reaches/);
    await user.click(screen.getByRole("button", { name: "Stop" }));
    expect(await screen.findByText(/cart is restored/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Intercept again" })).toBeTruthy();
  });

  it("tells where a test request stopped", async () => {
    const { user } = open({
      answers: { probe_intercept: () => ({ hops: [{ what: "program", state: "stopped", words: "Nothing listens on localhost:8081." }], stoppedAt: "program" }) },
    });
    await ready();
    await user.click(apply());
    expect(await screen.findByText("Nothing listens on localhost:8081.")).toBeTruthy();
  });

  it("warns where nothing listens, and still may be applied", async () => {
    open({}, { target: "9999" });
    expect(await screen.findByText("Nothing listens on localhost:9999")).toBeTruthy();
    await ready();
  });

  it("that cannot be planned says why, and tries again", async () => {
    const refuse = vi.fn(() => { throw new Refusal({ code: "forbidden", message: "You may not patch Services in shop.", hint: "Ask for it.", field: null, spot: null }); });
    const { user } = open({ answers: { plan_intercept: refuse } });
    const alert = await screen.findByRole("alert", { name: "There is no plan" });
    await user.click(within(alert).getByRole("button", { name: "Try again" }));
    await waitFor(() => { expect(refuse).toHaveBeenCalledTimes(2); });
  });

  it("that waits for its plan says so", async () => {
    const { container } = open({ scenario: "loading" });
    expect(await screen.findByText("Reading the cluster…")).toBeTruthy();
    expect(apply().hasAttribute("disabled")).toBe(true);
    expect(await violations(container)).toEqual([]);
  });

  it("closes with Escape", async () => {
    const { user, onClose } = open();
    await ready();
    await user.keyboard("{Escape}");
    expect(onClose).toHaveBeenCalledOnce();
  });
});
