import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it } from "vitest";

import { fakeBridge, type Scenario } from "../../bridge/fake";
import { BridgeContext } from "../../bridge/use-bridge";
import { Desk } from "../../state/Desk";
import { InspectorScreen } from "./InspectorScreen";

function open(scenario: Scenario = "full", answers: Parameters<typeof fakeBridge>[0] = {}) {
  const bridge = fakeBridge({ scenario, ...answers });
  const page = render(<BridgeContext value={bridge}><Desk><InspectorScreen /></Desk></BridgeContext>);
  const asked = (name: string) => bridge.asked.filter((each) => each.name === name).map((each) => each.question);
  return { user: userEvent.setup(), bridge, asked, ...page };
}

const grid = () => screen.findByRole("grid", { name: /Requests/ });
const rowNamed = async (name: RegExp) => {
  const [row] = within(await grid()).getAllByRole("row", { name });
  if (!row) throw new Error(`no row ${String(name)}`);
  return row;
};
const choose = async (user: ReturnType<typeof userEvent.setup>, name: RegExp) => {
  await user.click(await rowNamed(name));
  return screen.findByRole("region", { name: /^Request \d+/ });
};
const violations = async (element: Element) => {
  const { violations: found } = await axe.run(element, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
};

describe("states", () => {
  it("full: rows with method, path and status, and gaps in words", async () => {
    open();
    expect(await rowNamed(/POST \/api\/products\/search/)).toBeTruthy();
    expect(screen.getByText(/38 requests not recorded/)).toBeTruthy();
    expect(await screen.findByText(/of 1,416/)).toBeTruthy();
  });

  it("loading says what is read", async () => {
    open("loading");
    expect(await screen.findByText(/Reading requests/)).toBeTruthy();
  });

  it("empty says what to do", async () => {
    open("empty");
    expect(await screen.findByRole("region", { name: "No requests yet" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Choose a Service" })).toBeTruthy();
  });

  it("error says the cause and offers to look again", async () => {
    const { user, asked } = open("error");
    expect(await screen.findByText(/the disk is full/)).toBeTruthy();
    const before = asked("find_requests").length;
    await user.click(screen.getByRole("button", { name: "Look again" }));
    expect(asked("find_requests").length).toBeGreaterThan(before);
  });

  it("have no accessibility violations", async () => {
    for (const scenario of ["full", "empty", "error"] as const) {
      const { container, user, unmount } = open(scenario);
      if (scenario === "full") await choose(user, /search/);
      else await screen.findAllByRole("button");
      expect(await violations(container)).toEqual([]);
      unmount();
    }
  });
});

describe("following", () => {
  it("shows a new request at once, and answers it in place", async () => {
    const { bridge } = open();
    await grid();
    const base = { place: { context: "kind-dev", namespace: "shop", service: "catalog", port: 80, intercept: "k3fp81" }, protocol: "HTTP/1.1" as const, method: "GET", target: "/new", host: "catalog", requestSize: 0, responseSize: 3, tags: { pinned: false, replayOf: null, edited: false } };
    const began = Date.now() * 1000 + 5_000_000;
    const usage = { bytes: 1, mostBytes: 2, count: 1_417, mostCount: 10_000, isPaused: false };
    const tell = (more: object) => {
      act(() => { bridge.emit({ kind: "requests", follow: 1, usage, changes: { gaps: [], summaries: [{ ...base, id: 9_999, began, outcome: { kind: "inFlight" }, ...more }] } }); });
    };
    tell({});
    expect(await screen.findByRole("row", { name: /\/new, No answer yet/ })).toBeTruthy();
    tell({ status: 201, took: 5_000, outcome: { kind: "answered" } });
    expect(await screen.findByRole("row", { name: /\/new, 201, 5 ms/ })).toBeTruthy();
  });

  it("holds still while a request is open, and counts what is new", async () => {
    const { user, bridge } = open();
    await choose(user, /search/);
    expect(screen.getByText("Holding still")).toBeTruthy();
    await act(() => bridge.ask("import_requests", { path: "x.har" }));
    const more = await screen.findByRole("button", { name: "3 new ones" });
    await user.click(more);
    expect(await screen.findByText("Following")).toBeTruthy();
  });
});

describe("the filter", () => {
  it("finds as it is typed, and counts", async () => {
    const { user } = open();
    await grid();
    await user.type(screen.getByRole("combobox", { name: "Filter requests" }), "method:DELETE");
    await waitFor(() => { expect(screen.queryByRole("row", { name: /^GET/ })).toBeNull(); });
    expect(screen.getAllByRole("row", { name: /^DELETE/ }).length).toBeGreaterThan(3);
  });

  it("that cannot be read says why and leaves the list as before", async () => {
    const { user, container } = open();
    await grid();
    await user.type(screen.getByRole("combobox"), "slow:>3oo");
    expect(await screen.findByText(/"3oo" is not a duration/)).toBeTruthy();
    expect(screen.getByText("not applied")).toBeTruthy();
    await waitFor(() => { expect(container.querySelector("[data-wrong]")?.textContent).toBe(">3oo"); });
    expect(screen.getAllByRole("row").length).toBeGreaterThan(5);
  });

  it("is completed with the keyboard", async () => {
    const { user } = open();
    await grid();
    const field = screen.getByRole<HTMLInputElement>("combobox");
    await user.type(field, "sta");
    expect(await screen.findByRole("option", { name: /status:/ })).toBeTruthy();
    await user.keyboard("{ArrowDown}{Enter}");
    expect(field.value).toBe("status:");
  });

  it("is recalled with the arrow key", async () => {
    const { user } = open();
    await grid();
    const field = screen.getByRole<HTMLInputElement>("combobox");
    await user.type(field, "status:404 {Enter}");
    await user.clear(field);
    await user.keyboard("{ArrowUp}");
    expect(field.value).toBe("status:404");
  });

  it("is switched off and on with F", async () => {
    const { user } = open();
    (await grid()).focus();
    await user.keyboard("f");
    expect(screen.getByRole("button", { name: "Switch the filter on" })).toBeTruthy();
  });

  it("leaves health checks out until they are wanted", async () => {
    const { user } = open();
    await grid();
    expect(screen.queryByRole("row", { name: /healthz/ })).toBeNull();
    await user.click(await screen.findByRole("button", { name: "Show health checks" }));
    expect((await screen.findAllByRole("row", { name: /healthz/ })).length).toBeGreaterThan(0);
  });

  it("takes a value from the menu of a row", async () => {
    const { user } = open();
    await user.pointer({ target: within(await rowNamed(/^PATCH/)).getByText(/^PATCH$/), keys: "[MouseRight]" });
    await user.click(await screen.findByRole("menuitem", { name: /Only this/ }));
    expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Filter requests", hidden: true }).value).toBe("method:PATCH");
  });
});

describe("a request", () => {
  it("opens with the arrow keys and tells where its time went", async () => {
    const { user } = open();
    (await grid()).focus();
    await user.keyboard("{ArrowDown}{ArrowDown}j");
    expect(await screen.findByRole("group", { name: "Where the time went" })).toBeTruthy();
    expect(screen.getByText("proxy to laptop")).toBeTruthy();
  });

  it("hides secrets until they are revealed", async () => {
    const { user } = open();
    const detail = await choose(user, /search/);
    await user.click(within(detail).getByRole("tab", { name: "Request" }));
    expect(within(detail).queryByText(/Bearer/)).toBeNull();
    await user.click(within(detail).getByRole("button", { name: "Reveal authorization" }));
    expect(await screen.findByText(/Bearer made-up-token/)).toBeTruthy();
  });

  it("is replayed with R, and asks first where it may change something", async () => {
    const { user, asked } = open();
    await choose(user, /^GET \/api\/categories/);
    await user.keyboard("r");
    await screen.findByText(/Sent again/);
    await choose(user, /^DELETE/);
    await user.keyboard("r");
    expect(asked("replay_request")).toHaveLength(1);
    await user.click(await screen.findByRole("button", { name: "Send it" }));
    await waitFor(() => { expect(asked("replay_request")).toHaveLength(2); });
    expect(asked("replay_request")[1]).toMatchObject({ replay: { to: "laptop", isAgreed: true } });
  });

  it("is edited with E, and its answers are stacked", async () => {
    const { user } = open();
    await choose(user, /^GET \/api\/categories/);
    await user.keyboard("e");
    const target = await screen.findByRole("textbox", { name: "Path and query" });
    await user.clear(target);
    await user.type(target, "/api/other");
    await user.click(screen.getByRole("button", { name: /Send/ }));
    expect(await screen.findByRole("region", { name: "Attempt 1" })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: /Send/ }));
    expect(await screen.findByRole("region", { name: "Attempt 2" })).toBeTruthy();
  });

  it("is compared with the origin with D", async () => {
    const { user } = open();
    await choose(user, /^GET \/api\/products\?category/);
    await user.keyboard("d");
    expect(await screen.findByText("5 differences")).toBeTruthy();
    expect(screen.getByRole("option", { name: /price.amount/ })).toBeTruthy();
    await user.keyboard("{Escape}");
    expect(await grid()).toBeTruthy();
  });

  it("is copied, pinned, mocked and deleted with single keys", async () => {
    const { user, bridge, asked } = open();
    await choose(user, /^GET \/api\/products\/0/);
    await user.keyboard("c");
    await screen.findByText(/curl command is copied/);
    expect(bridge.copied[0]).toContain("curl -X GET");
    await user.keyboard("p");
    await screen.findByText(/1 request pinned/);
    await user.keyboard("m");
    await waitFor(() => { expect(asked("add_mock").length + asked("request_body").length).toBeGreaterThan(0); });
    await user.keyboard("x");
    await screen.findByText(/1 request deleted/);
  });
});

it("export leaves secrets covered unless the box is ticked", async () => {
  const { user, asked } = open();
  await grid();
  await user.click(screen.getByRole("button", { name: "Export" }));
  await user.click(await screen.findByRole("button", { name: "Save…" }));
  await waitFor(() => { expect(asked("save_requests")).toHaveLength(1); });
  expect(asked("save_requests")[0]).toMatchObject({ reveal: false, format: "har" });
});

it("recording is paused with Space", async () => {
  const { user, asked } = open();
  (await grid()).focus();
  await user.keyboard(" ");
  expect(asked("pause_recording")).toEqual([{ isPaused: true }]);
  expect(await screen.findByText("Paused")).toBeTruthy();
});
