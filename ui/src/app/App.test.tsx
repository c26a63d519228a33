import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it, vi } from "vitest";

import { Refusal, type Bridge } from "../bridge/bridge";
import { fakeBridge } from "../bridge/fake";
import { BridgeContext } from "../bridge/use-bridge";
import { App } from "./App";

function open(answers: Partial<Bridge> = {}) {
  const bridge = fakeBridge(answers);
  const listServices = vi.spyOn(bridge, "listServices");
  const page = render(
    <BridgeContext value={bridge}>
      <App />
    </BridgeContext>,
  );
  return { user: userEvent.setup(), listServices, ...page };
}

const choose = async (user: ReturnType<typeof userEvent.setup>, context: string) => {
  await user.click(await screen.findByRole("option", { name: new RegExp(context) }));
};

describe("contexts", () => {
  it("are listed without any of them being contacted", async () => {
    const { listServices } = open();
    const list = await screen.findByRole("listbox", { name: /Contexts/ });
    expect(within(list).getAllByRole("option")).toHaveLength(6);
    expect(screen.getByText(/None has been contacted yet/)).toBeTruthy();
    expect(listServices).not.toHaveBeenCalled();
  });

  it("are walked with the arrow keys without a contact, and chosen with Enter", async () => {
    const { user, listServices } = open();
    await screen.findByRole("listbox", { name: /Contexts/ });
    await user.keyboard("{ArrowDown}{ArrowUp}");
    expect(listServices).not.toHaveBeenCalled();
    await user.keyboard("{Enter}");
    expect(await screen.findByRole("row", { name: /catalog/ })).toBeTruthy();
    expect(listServices).toHaveBeenCalledExactlyOnceWith("kind-dev");
  });

  it("that are none say what to do, and offer the sandbox", async () => {
    const { user } = open({ listContexts: () => Promise.resolve([]) });
    expect(await screen.findByRole("region", { name: "No contexts yet" })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Try the sandbox" }));
    expect(await screen.findByRole("option", { name: "sandbox" })).toBeTruthy();
    expect(await screen.findByRole("row", { name: /catalog/ })).toBeTruthy();
  });

  it("of no kubeconfig say where was looked, and offer the sandbox", async () => {
    const refusal = new Refusal({
      code: "kubeconfigMissing",
      message: "no kubeconfig found at /home/mira/.kube/config",
      hint: "Let it be written.",
    });
    const broken = new Refusal({ code: "sandboxUnstartable", message: "the sandbox has no addresses", hint: "Try again." });
    const trySandbox = vi.fn(() => Promise.reject(broken));
    const { user } = open({ listContexts: () => Promise.reject(refusal), trySandbox });
    const alert = await screen.findByRole("alert", { name: "No cluster yet" });
    expect(alert.textContent).toContain("/home/mira/.kube/config");
    await user.click(within(alert).getByRole("button", { name: "Try the sandbox" }));
    const failed = await screen.findByRole("alert", { name: "The sandbox does not start" });
    expect(failed.textContent).toContain("the sandbox has no addresses");
    expect(trySandbox).toHaveBeenCalledOnce();
    expect(within(failed).getByRole("button", { name: "Try the sandbox" })).toBeTruthy();
  });

  it("that cannot be read show the cause, the next step and a way to try again", async () => {
    const refusal = new Refusal({
      code: "kubeconfigUnreadable",
      message: "no kubeconfig found at /home/mira/.kube/config",
      hint: "Let your cluster's tool write one.",
    });
    const listContexts = vi.fn(fakeBridge().listContexts).mockRejectedValueOnce(refusal);
    const { user } = open({ listContexts });
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("no kubeconfig found at /home/mira/.kube/config");
    expect(alert.textContent).toContain("Let your cluster's tool write one.");
    await user.click(within(alert).getByRole("button", { name: "Look again" }));
    expect(await screen.findByRole("listbox", { name: /Contexts/ })).toBeTruthy();
  });
});

describe("Services", () => {
  it("show namespace, type, ports and why one cannot be intercepted", async () => {
    const { user } = open();
    await choose(user, "kind-dev");
    const row = await screen.findByRole("row", { name: /orders-db/ });
    expect(within(row).getByText("shop")).toBeTruthy();
    expect(within(row).getByText("Headless")).toBeTruthy();
    expect(within(row).getByText("sql:5432")).toBeTruthy();
    expect(within(row).getByText(/would lose their names/)).toBeTruthy();
    expect(screen.getByRole("status").textContent).toMatch(/^kind-dev · 14 Services in 3 namespaces · read at/);
  });

  it("that are none say so and offer to look again", async () => {
    const { user } = open();
    await choose(user, "minikube");
    expect(await screen.findByRole("region", { name: "No Services in minikube" })).toBeTruthy();
  });

  it("that cannot be read show cause and next step", async () => {
    const { user } = open();
    await choose(user, "prod-eu");
    const alert = await screen.findByRole("alert", { name: "prod-eu does not answer" });
    expect(alert.textContent).toContain("The connection was refused.");
    expect(alert.textContent).toContain("Check the network or the VPN");
  });

  it("still being read are named after a moment", async () => {
    const { user } = open();
    await choose(user, "far-away");
    expect(await screen.findByText("Reading Services of far-away…")).toBeTruthy();
  });

  it("of another context replace an answer that comes late", async () => {
    let answerLate: () => void = () => undefined;
    const late = new Promise<void>((resolve) => { answerLate = resolve; });
    const listServices: Bridge["listServices"] = async (context) => {
      if (context === "far-away") await late;
      return fakeBridge().listServices(context === "far-away" ? "kind-dev" : context);
    };
    const { user } = open({ listServices });
    await choose(user, "far-away");
    await choose(user, "minikube");
    answerLate();
    expect(await screen.findByRole("region", { name: "No Services in minikube" })).toBeTruthy();
    expect(screen.queryByRole("row", { name: /catalog/ })).toBeNull();
  });

  it("are narrowed by the filter, which / reaches and Escape empties", async () => {
    const { user } = open();
    await choose(user, "kind-dev");
    await screen.findByText("catalog");
    await user.keyboard("/pricing grpc");
    expect(screen.getByText("tax")).toBeTruthy();
    expect(screen.queryByText("catalog")).toBeNull();
    await user.keyboard("{Escape}");
    expect(screen.getByText("catalog")).toBeTruthy();
    await user.keyboard("nowhere");
    expect(screen.getByRole("region", { name: "Nothing matches" })).toBeTruthy();
  });

  it("by the thousand draw the rows in sight only", async () => {
    const { user } = open();
    await choose(user, "load-test");
    await screen.findByText("service-0000");
    expect(screen.getAllByText(/^service-\d{4}$/).length).toBeLessThan(100);
    expect(screen.getByRole("status").textContent).toContain("2,400 Services in 60 namespaces");
  });
});

describe("theme", () => {
  it("follows the system until another is chosen, and keeps the choice", async () => {
    const { user } = open();
    expect(document.documentElement.dataset.theme).toBe("dark");
    await user.click(await screen.findByRole("radio", { name: "Light" }));
    expect(document.documentElement.dataset.theme).toBe("light");
    expect(window.localStorage.getItem("theme")).toBe("light");
  });
});

describe("accessibility", () => {
  const states: [string, RegExp][] = [
    ["kind-dev", /^catalog$/],
    ["minikube", /none yet/],
    ["staging-eu", /kubelogin, and it was not found/],
    ["far-away", /^Reading Services/],
  ];
  it.each(states)("has no violation in the state of %s", async (context, evidence) => {
    const { user, container } = open();
    await choose(user, context);
    await screen.findByText(evidence);
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map((violation) => `${violation.id}: ${violation.help}`)).toEqual([]);
  });
});
