import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import { Refusal } from "../../bridge/bridge";
import { fakeBridge, type Answers, type FakeBridge, type Scenario } from "../../bridge/fake";
import { BridgeContext } from "../../bridge/use-bridge";
import { Desk } from "../../state/Desk";
import { violations } from "../../testing/violations";
import { coveredProblem, headerProblem, rangeProblem, valueProblem } from "./checks";
import { keyCaps, pressed } from "./keys";
import { findEntries } from "./sections";
import { SettingsScreen } from "./SettingsScreen";
import { sectionNames } from "./words";

function open(scenario: Scenario = "full", answers: Partial<Answers> = {}) {
  const bridge = fakeBridge({ scenario, answers });
  render(
    <BridgeContext value={bridge}>
      <Desk><SettingsScreen /></Desk>
    </BridgeContext>,
  );
  return { bridge, user: userEvent.setup() };
}

type User = ReturnType<typeof userEvent.setup>;
const section = async (user: User, name: string) => { await user.click(await screen.findByRole("tab", { name })); };
const setting = (name: string) => screen.findByRole("group", { name });
const never = () => new Promise<never>(() => undefined);
const full = new Refusal({ code: "unexpected", message: "No space left on the disk.", hint: "Make room.", field: null, spot: null });

function lastSaved({ asked }: FakeBridge): unknown {
  return asked.findLast(({ name }) => name === "set_preferences")?.question;
}

describe("the four states", () => {
  it.each(Object.values(sectionNames))("of %s, full, have no violation", async (name) => {
    const { user } = open();
    await section(user, name);
    await screen.findByRole("heading", { name, level: 2 });
    await waitFor(() => { expect(screen.queryByText(/^(Reading the kubeconfig|Looking how much)/)).toBeNull(); });
    expect(await violations()).toEqual([]);
  });

  it("loading names what is waited for", async () => {
    open("full", { hello: never });
    expect(await screen.findByText("Asking the program…")).toBeTruthy();
    expect(await violations()).toEqual([]);
  });

  it("error says the cause and the way out", async () => {
    open("full", { hello: () => Promise.reject(full) });
    const alert = await screen.findByRole("alert", { name: "The program does not answer" });
    expect(alert.textContent).toContain("No space left on the disk.");
    expect(await violations()).toEqual([]);
  });

  it("empty: a kubeconfig without a context says so", async () => {
    const { user } = open("full", { list_contexts: () => [] });
    await section(user, "Clusters");
    expect(await setting("The kubeconfig has no context.")).toBeTruthy();
    expect(await violations()).toEqual([]);
  });
});

describe("a setting", () => {
  it("is saved at once, with all the others as they were", async () => {
    const { bridge, user } = open();
    await user.click(await screen.findByRole("radio", { name: "Light" }));
    expect(lastSaved(bridge)).toMatchObject({ preferences: { theme: "light", defaultHeader: "X-C6O-INTERCEPT" } });
  });

  it("that is refused comes back as it was, and says why at its place", async () => {
    const { user } = open("full", { set_preferences: () => Promise.reject(full) });
    const login = await setting("Start at login");
    await user.click(within(login).getByRole("switch"));
    expect((await within(login).findByRole("alert")).textContent).toBe("No space left on the disk. Make room.");
    expect(within(login).getByRole<HTMLInputElement>("switch").checked).toBe(false);
    expect(await violations()).toEqual([]);
  });

  it("is switched by the keyboard alone", async () => {
    const { bridge, user } = open();
    const login = await setting("Start at login");
    within(login).getByRole("switch").focus();
    await user.keyboard(" ");
    expect(lastSaved(bridge)).toMatchObject({ preferences: { startsAtLogin: true } });
  });
});

describe("the default header", () => {
  it("is saved with Enter", async () => {
    const { bridge, user } = open();
    await section(user, "Match and intercepts");
    const field = await screen.findByRole("textbox", { name: "Default header" });
    await user.clear(field);
    await user.type(field, "X-Dev{Enter}");
    expect(lastSaved(bridge)).toMatchObject({ preferences: { defaultHeader: "X-Dev" } });
  });

  it("that is none is not saved, says why, and Escape takes it back", async () => {
    const { bridge, user } = open();
    await section(user, "Match and intercepts");
    const field = await screen.findByRole<HTMLInputElement>("textbox", { name: "Default header" });
    await user.clear(field);
    await user.type(field, "two words{Enter}");
    expect((await screen.findByRole("alert")).textContent).toContain("A header name has letters");
    expect(lastSaved(bridge)).toBeUndefined();
    await user.keyboard("{Escape}");
    expect(field.value).toBe("X-C6O-INTERCEPT");
  });
});

describe("recording", () => {
  it("keeps as many megabytes as are typed, within bounds", async () => {
    const { bridge, user } = open();
    await section(user, "Recording");
    const field = await screen.findByRole("textbox", { name: "Megabytes to keep" });
    await user.clear(field);
    await user.type(field, "1,024{Enter}");
    expect(lastSaved(bridge)).toMatchObject({ preferences: { keptBytes: 1_073_741_824 } });
    await user.clear(field);
    await user.type(field, "3");
    expect((await screen.findByRole("alert")).textContent).toBe("A whole number from 16 to 65,536.");
  });

  it("is emptied only after a question, which the keyboard leaves unharmed", async () => {
    const { bridge, user } = open();
    await section(user, "Recording");
    await user.click(await screen.findByRole("button", { name: "Delete all" }));
    await user.keyboard("{Enter}");
    expect(bridge.asked.some(({ name }) => name === "delete_requests")).toBe(false);
    await user.click(await screen.findByRole("button", { name: "Delete all" }));
    await user.click(screen.getByRole("button", { name: "Delete" }));
    expect(await screen.findByText(/requests deleted\.$/)).toBeTruthy();
  });

  it("that cannot be counted says why, with a way to look again", async () => {
    const { user } = open("full", { requests_usage: () => Promise.reject(full) });
    await section(user, "Recording");
    const used = await setting("Used now");
    await within(used).findByRole("button", { name: "Look again" });
    expect(used.textContent).toContain("No space left on the disk.");
  });
});

describe("hidden values", () => {
  it("are added and taken out by header name, each once", async () => {
    const { bridge, user } = open();
    await section(user, "Hidden values");
    const field = await screen.findByRole("textbox", { name: "Header name" });
    await user.type(field, "X-Customer-Id{Enter}");
    expect(lastSaved(bridge)).toMatchObject({ preferences: { coveredHeaders: ["X-Customer-Id"] } });
    await user.type(field, "x-customer-id{Enter}");
    expect((await screen.findByRole("alert")).textContent).toBe("It is covered already.");
    await user.click(screen.getByRole("button", { name: "Do not cover X-Customer-Id" }));
    expect(lastSaved(bridge)).toMatchObject({ preferences: { coveredHeaders: [] } });
  });
});

describe("clusters", () => {
  it("are marked as production", async () => {
    const { bridge, user } = open();
    await section(user, "Clusters");
    await user.click(await screen.findByRole("switch", { name: "staging-eu is production" }));
    expect(bridge.asked).toContainEqual({ name: "mark_context", question: { context: "staging-eu", isProduction: true } });
    await waitFor(() => { expect(screen.getByRole<HTMLInputElement>("switch", { name: "staging-eu is production" }).checked).toBe(true); });
  });
});

describe("keys that stop everything", () => {
  it("are recorded, shown and removed", async () => {
    const { bridge, user } = open();
    await section(user, "Shortcuts");
    await user.click(await screen.findByRole("button", { name: "Set keys" }));
    await user.keyboard("{Control>}{Alt>}s{/Alt}{/Control}");
    expect(lastSaved(bridge)).toMatchObject({ preferences: { stopAllShortcut: "CommandOrControl+Alt+S" } });
    await user.click(await screen.findByRole("button", { name: "Remove" }));
    expect(lastSaved(bridge)).toMatchObject({ preferences: { stopAllShortcut: "" } });
  });

  it("that would be in everybody's way are refused, and Escape leaves it", async () => {
    const { bridge, user } = open();
    await section(user, "Shortcuts");
    await user.click(await screen.findByRole("button", { name: "Set keys" }));
    await user.keyboard("s");
    expect((await screen.findByRole("alert")).textContent).toContain("Use Ctrl, Alt or Super");
    await user.keyboard("{Escape}");
    expect(await screen.findByRole("button", { name: "Set keys" })).toBeTruthy();
    expect(lastSaved(bridge)).toBeUndefined();
  });
});

describe("finding", () => {
  it("begins with /, shows settings of every section, and says when there is none", async () => {
    const { user } = open();
    await setting("Theme");
    await user.keyboard("/prod");
    expect(await screen.findByRole("switch", { name: "prod-eu is production" })).toBeTruthy();
    expect(screen.queryByRole("group", { name: "Theme" })).toBeNull();
    await user.keyboard("xyz");
    await user.click(await screen.findByRole("button", { name: "Show all settings" }));
    expect(await setting("Theme")).toBeTruthy();
  });

  it("needs every word, in any order", () => {
    expect(findEntries("login start").map(({ id }) => id)).toEqual(["login"]);
    expect(findEntries("telemetry")).toHaveLength(1);
    expect(findEntries("nosuchthing")).toEqual([]);
  });
});

describe("about", () => {
  it("copies diagnostics, and says why where it cannot", async () => {
    const { bridge, user } = open();
    await section(user, "About");
    await user.click(await screen.findByRole("button", { name: "Copy diagnostics" }));
    await screen.findByRole("button", { name: "Copied" });
    expect(bridge.copied).toHaveLength(1);
  });
});

describe("what a setting may be", () => {
  it("is judged before it is asked for", () => {
    expect([headerProblem("X-Dev"), valueProblem("yes"), valueProblem(""), rangeProblem(16, { least: 16, most: 20 })]).toEqual([null, null, null, null]);
    expect([headerProblem(""), headerProblem("a b"), valueProblem(" x"), valueProblem("a\nb"), coveredProblem("X-A", ["x-a"])].every((problem) => problem !== null)).toBe(true);
    expect([rangeProblem(15, { least: 16, most: 20 }), rangeProblem(16.5, { least: 16, most: 20 }), rangeProblem(Number.NaN, { least: 1, most: 2 })].every((problem) => problem !== null)).toBe(true);
  });

  it("of keys is a key with a modifier, by the place of the key", () => {
    const press = (key: string, code: string, held: Partial<KeyboardEvent> = {}) =>
      pressed({ key, code, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...held });
    expect(press("Control", "ControlLeft", { ctrlKey: true })).toEqual({ kind: "more" });
    expect(press("S", "KeyS", { shiftKey: true })).toEqual({ kind: "weak" });
    expect(press("ß", "KeyS", { altKey: true })).toEqual({ kind: "keys", keys: "Alt+S" });
    expect(keyCaps("CommandOrControl+Shift+F5")).toEqual(["Ctrl", "Shift", "F5"]);
  });
});
