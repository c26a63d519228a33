import { describe, expect, it } from "vitest";

import type { ServicesChange } from "../bindings/wire";
import { Refusal } from "../bridge/bridge";
import { fakeBridge } from "../bridge/fake";
import { shop } from "../bridge/fake/clusters";
import { afterServices, type Watched } from "./snapshot";
import { createStore } from "./store";

const watched: Watched = {
  context: "kind-dev", namespace: null, connection: { state: "connecting" }, isKnown: false, services: [], notes: [], error: null,
};
const whole: ServicesChange = {
  context: "kind-dev", namespace: null, connection: { state: "live" }, isWhole: true, changed: shop().reverse(), removed: [], notes: [],
};
const names = (of: Watched | null) => of?.services.map(({ name }) => name);

describe("Services", () => {
  it("stand by namespace and name, however they are told", () => {
    expect(names(afterServices(watched, whole))).toEqual(shop().map(({ name }) => name));
  });

  it("keep what a change does not name", () => {
    const before = afterServices(watched, whole);
    const [first] = shop();
    const after = afterServices(before, { ...whole, isWhole: false, changed: first ? [{ ...first, ready: 7 }] : [], removed: [["shop", "web"]] });
    expect(after?.services).toHaveLength(shop().length - 1);
    expect(after?.services[0]?.ready).toBe(7);
  });

  it("of another context change nothing", () => {
    expect(afterServices(watched, { ...whole, context: "minikube" })).toBe(watched);
  });
});

describe("the store", () => {
  it("takes preferences back that the program refuses", async () => {
    const refuse = () => { throw new Refusal({ code: "wrong", message: "No.", hint: "", field: null, spot: null }); };
    const store = createStore(fakeBridge({ answers: { set_preferences: refuse } }));
    const end = store.begin();
    await expect.poll(() => store.get().preferences).not.toBeNull();
    await expect(store.prefer({ theme: "light" })).rejects.toThrow("No.");
    expect(store.get().preferences?.theme).toBe("system");
    end();
  });

  it("leaves an answer aside that comes after another question", async () => {
    const store = createStore(fakeBridge({ scenario: "quiet" }));
    const end = store.begin();
    store.watch("kind-dev", null);
    store.watch("minikube", null);
    await expect.poll(() => store.get().watched?.isKnown).toBe(true);
    expect(store.get().watched).toMatchObject({ context: "minikube", services: [] });
    end();
  });

  it("tells what the program wants shown", () => {
    const bridge = fakeBridge();
    const store = createStore(bridge);
    const end = store.begin();
    const goals: unknown[] = [];
    store.onGoal((goal) => { goals.push(goal.screen); });
    bridge.emit({ kind: "go", screen: "inspector" });
    expect(goals).toEqual(["inspector"]);
    end();
  });

  it("tells it once to whoever comes later", () => {
    const bridge = fakeBridge();
    const store = createStore(bridge);
    const end = store.begin();
    bridge.emit({ kind: "go", screen: "settings" });
    const goals: unknown[] = [];
    store.onGoal((goal) => { goals.push(goal.screen); })();
    store.onGoal((goal) => { goals.push(goal.screen); });
    expect(goals).toEqual(["settings"]);
    end();
  });
});
