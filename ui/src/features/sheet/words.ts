// What the sheet says.

import type { Check, InterceptView, MarkWish, PlanView, RecordingLevel } from "../../bindings/wire";
import { span } from "../../components/time-words";

export const words = {
  title: (service: string) => `Intercept ${service}`,
  production: "PROD",
  close: "Close",
  match: "Match",
  matchHint: "which requests come to you",
  marks: { header: "Header", baggage: "Baggage", all: "All traffic" } satisfies Record<MarkWish["kind"], string>,
  headerName: "Header name",
  headerValue: "Header value",
  baggageKey: "Baggage key",
  baggageValue: "Baggage value",
  anyValue: "any value",
  allHint: "Every request to this Service goes to your laptop, also those of others.",
  pathPrefix: "Path prefix",
  anyPath: "any path",
  methods: "Methods",
  anyMethod: "No method chosen: any of them.",
  target: "Local target",
  listening: (count: number) => (count === 1 ? "1 program listens on this laptop" : `${count} programs listen on this laptop`),
  noneListens: "no program was found that listens",
  another: "Another address",
  anotherHint: "port, host:port or URL",
  usedBy: (service: string) => `in use by ${service}`,
  checking: "looking…",
  answers: "takes connections",
  silent: "nothing listens",
  certificate: "Take any certificate from it",
  tunnel: "Tunnel",
  relay: "relay",
  relayHint: "Built in, over the Kubernetes API. No account.",
  ngrok: "ngrok",
  ngrokHint: "Comes with a later version.",
  lifetime: "Lifetime",
  recording: "Recording",
  port: "Port",
  speaks: "It speaks",
  speaksOptions: { auto: "As the Service says", http: "HTTP", tcp: "TCP" },
  recordings: { nothing: "Nothing", heads: "Without bodies", bodies: "Everything" } satisfies Record<RecordingLevel, string>,
  plan: "Plan",
  planHint: "what changes in the cluster",
  planning: "Reading the cluster",
  planFailed: "There is no plan",
  tryAgain: "Try again",
  copyPlan: "Copy plan",
  copyCurl: "Copy a test request",
  copied: "Copied",
  undo: "How each step is undone",
  residue: "What an earlier intercept left behind is removed first.",
  preflight: "Preflight",
  steps: "Steps",
  stepsHint: "you can stop at any point",
  nothingChanged: "Nothing has changed yet.",
  waitsForPlan: "Reading the cluster…",
  cannot: "This cannot be done as it stands. See the preflight.",
  cancel: "Cancel",
  apply: (way: PlanView["way"] | undefined, service: string) => (way === "takeOver" ? `Take over ${service}` : `Intercept ${service}`),
  inspector: "Open inspector",
  stop: "Stop",
  cancelStart: "Stop and restore",
  restoring: "Restoring the cluster…",
  starting: "Starting…",
  testing: "Sending a test request…",
  notTested: (message: string) => `It stands, but the test request could not be sent. ${message}`,
  again: "Intercept again",
} as const;

export const lifetimes: { seconds: number | null; name: string }[] = [
  { seconds: null, name: "Until I stop" },
  ...[1_800, 3_600, 14_400, 28_800].map((seconds) => ({ seconds, name: span(seconds) })),
];

/** `5 passed, 1 to know`. */
export function checkWords(checks: readonly Check[]): string {
  const count = (state: Check["state"]) => checks.filter((check) => check.state === state).length;
  const parts = [
    count("passed") > 0 ? `${count("passed")} passed` : "",
    count("warned") > 0 ? `${count("warned")} to know` : "",
    count("failed") > 0 ? `${count("failed")} in the way` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

export const stateWords: Record<Check["state"], string> = { passed: "passed", warned: "to know", failed: "in the way" };

export function reached({ wish, target }: InterceptView): string {
  return `A request to ${wish.service}.${wish.namespace} now reaches ${target}.`;
}

export function activeFor({ since }: Pick<InterceptView, "since">, now: number): string {
  return `active for ${span(now - since)}`;
}
