// Plans, intercepts and how they go through their phases.

import type { InterceptView, InterceptWish, PlanView, StepView } from "../../bindings/wire";
import { Refusal } from "../bridge";
import { change, never, tell, type Answers, type World } from "./world";

const listeners = [
  { port: 3000, program: "node", pid: 47760 },
  { port: 5173, program: "vite", pid: 47102 },
  { port: 8081, program: "java", pid: 48213 },
];

export function ruleOf({ mark, pathPrefix, methods }: InterceptWish): string {
  const marked = mark.kind === "all" ? "all requests"
    : mark.kind === "header" ? `requests with ${mark.name}: ${mark.value ?? "any value"}`
    : `requests with baggage ${mark.key}=${mark.value ?? "any value"}`;
  const narrowed = methods.length > 0 ? `${methods.join(" and ")} ${marked}` : marked;
  return pathPrefix === null ? narrowed : `${narrowed} below ${pathPrefix}`;
}

export function targetOf({ target }: InterceptWish): string {
  return /^:?\d+$/.test(target) ? `localhost:${target.replace(":", "")}` : target;
}

function curlOf({ mark, service, namespace }: InterceptWish): string {
  const header = mark.kind === "header" ? ` -H '${mark.name}: ${mark.value ?? "1"}'`
    : mark.kind === "baggage" ? ` -H 'baggage: ${mark.key}=${mark.value ?? "1"}'` : "";
  return `curl${header} http://${service}.${namespace}/`;
}

const stepsOf = ({ service }: InterceptWish): [string, number][] => [
  [`Create the Service ${service}-intercept-origin, which selects the original pods`, 40],
  ["Create ConfigMaps and rights", 60],
  ["Wait until the proxy is ready", 960],
  ["Open the relay", 210],
  ["Send a probe through proxy and relay", 40],
  [`Switch the selector of ${service} to the proxy`, 30],
  ["Wait until only the proxy is listed", 220],
];

function planOf(wish: InterceptWish): PlanView {
  const { service, namespace } = wish;
  const isListening = listeners.some(({ port }) => targetOf(wish).endsWith(`:${port}`));
  return {
    way: "engage", isPossible: true, removesResidue: false, curl: curlOf(wish),
    sentence: `${ruleOf(wish)} to ${service}.${namespace} go to ${targetOf(wish)}. All others go to the original pods.`,
    steps: stepsOf(wish).map(([sentence], stage) => ({ sentence, undo: "Take it out again", stage })),
    diff: [
      `~ Service ${service}: spec.selector`, `-   app: ${service}`, `+   intercept.dev/proxy: ${service}`,
      `+ Service ${service}-intercept-origin`, `+ Deployment ${service}-intercept-proxy`,
      `+ ConfigMap ${service}-intercept-proxy`, "+ ServiceAccount, Role, RoleBinding",
    ],
    checks: [
      { state: "passed", sentence: "The API server answers", hint: null, tookMs: 24 },
      { state: "passed", sentence: `You may patch Services and create Deployments in ${namespace}`, hint: null, tookMs: 31 },
      { state: "passed", sentence: `Nobody else intercepts ${service} with this match`, hint: null, tookMs: 8 },
      isListening
        ? { state: "passed", sentence: `${targetOf(wish)} takes connections`, hint: null, tookMs: 1 }
        : {
          state: "warned", sentence: `Nothing listens on ${targetOf(wish)}`,
          hint: "Start your program. Until then the original pods answer.", tookMs: 1,
        },
    ],
  };
}

function judge(wish: InterceptWish): void {
  const refuse = (field: string, message: string, hint: string) => {
    throw new Refusal({ code: "wrong", message, hint, field, spot: null });
  };
  const port = /(\d+)$/.exec(wish.target)?.[1];
  if (wish.target === "") refuse("target", "No local target was given.", "Give a port, host:port or a URL.");
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
    refuse("target", `${wish.target} is no port.`, "Give a port from 1 to 65535, host:port or a URL.");
  }
  if (wish.mark.kind === "header" && !/^[A-Za-z0-9-]+$/.test(wish.mark.name)) {
    refuse("mark", `"${wish.mark.name}" is no header name.`, "Letters, digits and - only.");
  }
  if (wish.pathPrefix !== null && !wish.pathPrefix.startsWith("/")) {
    refuse("pathPrefix", `${wish.pathPrefix} is no path.`, "Begin it with /.");
  }
}

export function viewOf(wish: InterceptWish, key: number): InterceptView {
  return {
    key, id: null, wish, port: null, rule: ruleOf(wish), target: targetOf(wish), phase: { phase: "planning" }, trouble: null,
    steps: [], since: Math.floor(Date.now() / 1000), expires: null, readyAfterMs: null, relays: [], recording: wish.recording,
    curl: curlOf(wish), ending: null,
  };
}

/** An intercept of catalog that has stood for four minutes. */
export function standing(): InterceptView {
  const wish: InterceptWish = {
    context: "kind-dev", namespace: "shop", service: "catalog", port: "http",
    mark: { kind: "header", name: "X-C6O-INTERCEPT", value: "yes" }, pathPrefix: null, methods: [], target: "3000",
    acceptAnyCertificate: false, ttlSeconds: null, protocol: null, recording: "bodies",
  };
  return {
    ...viewOf(wish, 1), id: "mira-catalog", port: 80, phase: { phase: "active" }, readyAfterMs: 1_560,
    since: Math.floor(Date.now() / 1000) - 4 * 60,
    steps: stepsOf(wish).map(([sentence, tookMs]) => ({ sentence, state: "done", tookMs })),
    relays: [{ pod: "catalog-intercept-proxy-6f7d9c-4xk2p", isOpen: true, why: null }],
  };
}

async function engage(world: World, key: number, wish: InterceptWish): Promise<void> {
  const plan = stepsOf(wish);
  const show = (done: number): StepView[] => plan.map(([sentence, tookMs], at) => (
    { sentence, state: at < done ? "done" : at === done ? "running" : "waiting", tookMs: at < done ? tookMs : null }
  ));
  const isGone = () => world.intercepts.find((each) => each.key === key)?.phase.phase !== "applying";
  await world.wait(80);
  change(world, key, { id: `mira-${wish.service}`, port: 80, phase: { phase: "applying" }, steps: show(0) });
  for (const [at, [, tookMs]] of plan.entries()) {
    await world.wait(tookMs);
    if (isGone()) return;
    change(world, key, { steps: show(at + 1) });
  }
  const pod = `${wish.service}-intercept-proxy-6f7d9c-4xk2p`;
  change(world, key, { phase: { phase: "active" }, readyAfterMs: 1_560, relays: [{ pod, isOpen: true, why: null }] });
  tell(world, { what: "good", key, sentence: `${wish.service} is intercepted: ${ruleOf(wish)} go to ${targetOf(wish)}.` });
}

async function stop(world: World, key: number): Promise<void> {
  const held = world.intercepts.find((each) => each.key === key);
  if (!held || held.phase.phase === "closed") return;
  change(world, key, { phase: { phase: "closing", why: "asked" } });
  await world.wait(700);
  const sentence = `${held.wish.service} is restored: the original pods answer every request.`;
  change(world, key, {
    phase: { phase: "closed" }, relays: [],
    ending: { kind: "stopped", isRestored: true, sentence, causes: [], hint: null },
  });
  tell(world, { what: "good", key, sentence });
}

type InterceptCommands = "list_listeners" | "check_target" | "plan_intercept" | "open_intercept" | "stop_intercept" | "stop_all"
  | "dismiss_intercept" | "close_others_intercept" | "change_recording";

export function interceptAnswers(world: World): Pick<Answers, InterceptCommands> {
  let lastKey = 10;
  return {
    list_listeners: () => (world.scenario === "empty" ? [] : listeners),
    check_target: async ({ target }) => {
      await world.wait(60);
      const isListening = listeners.some(({ port }) => target.endsWith(String(port)));
      return { target, isListening, why: isListening ? null : "the connection was refused", tookMs: 1 };
    },
    plan_intercept: async ({ wish }) => {
      if (world.scenario === "loading") return never();
      judge(wish);
      await world.wait(180);
      return planOf(wish);
    },
    open_intercept: ({ wish }) => {
      judge(wish);
      lastKey += 1;
      world.intercepts = [...world.intercepts, viewOf(wish, lastKey)];
      world.emit({ kind: "intercepts", intercepts: world.intercepts });
      void engage(world, lastKey, wish);
      return lastKey;
    },
    stop_intercept: async ({ key }) => {
      await stop(world, key);
      return null;
    },
    stop_all: async () => {
      await Promise.all(world.intercepts.map(({ key }) => stop(world, key)));
      return null;
    },
    dismiss_intercept: ({ key }) => {
      world.intercepts = world.intercepts.filter((each) => each.key !== key);
      world.emit({ kind: "intercepts", intercepts: world.intercepts });
      return null;
    },
    close_others_intercept: async () => { await world.wait(400); return null; },
    change_recording: ({ key, level }) => { change(world, key, { recording: level }); return null; },
  };
}
