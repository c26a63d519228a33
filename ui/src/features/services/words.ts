// What the Services screen says.

import type { CommandError, ErrorCode, InterceptSummary, InterceptView, ServiceSummary } from "../../bindings/wire";
import { counted } from "../../components/counted";
import { span } from "../../components/time-words";

export const words = {
  list: "Services",
  columns: { star: "Favourite", name: "Service", ports: "Ports", ready: "Ready", intercept: "Intercept", port: "Local port", switch: "Switch" },
  filter: "Filter Services",
  emptyFilter: "Empty the filter",
  onlyMine: "Only what I can intercept",
  commands: "Commands",
  nothingMatches: "Nothing matches",
  noPodReady: "no pod is ready",
  port: ":port",
  portOf: (name: string) => `Local port for ${name}`,
  star: (name: string) => `Favourite: ${name}`,
  switch: (name: string) => `Intercept ${name}`,
  cannot: (name: string) => `${name} cannot be intercepted`,
  lastUsed: "last used",
  connecting: (context: string) => `Connecting to ${context}`,
  reconnecting: (context: string) => `The connection to ${context} is gone. What you see may be old. Trying again.`,
  noServices: (place: string) => `No Services in ${place}`,
  noServicesHint: "You may read them, and there are none yet. Deploy one, or look in another namespace.",
  lookAgain: "Look again",
  allNamespaces: "Look in all namespaces",
  copyDetails: "Copy details",
  copied: "Copied",
} as const;

export function errorTitle(code: ErrorCode, context: string): string {
  switch (code) {
    case "kubeconfigMissing":
      return "No kubeconfig was found";
    case "kubeconfigUnreadable":
      return "The kubeconfig cannot be read";
    case "sandboxUnstartable":
      return "The sandbox does not start";
    case "contextUnusable":
      return `${context} cannot be used as it stands`;
    case "loginFailed":
      return `Could not log in to ${context}`;
    case "clusterUnreachable":
      return `${context} does not answer`;
    case "forbidden":
      return `You may not list the Services of ${context}`;
    default:
      return `Could not read ${context}`;
  }
}

export const details = (error: CommandError) => `${error.message}\n${error.hint}`;

/** Where an own intercept stands, in a word or two. */
export function phaseWords({ phase, since, trouble }: InterceptView, now: number): string {
  switch (phase.phase) {
    case "planning":
      return "planning";
    case "applying":
      return "starting";
    case "active":
      return trouble === null ? `active · ${span(now - since)}` : "active, with trouble";
    case "reconnecting":
      return "reconnecting, the origin answers";
    case "displaced":
      return `put back by ${phase.by}`;
    case "closing":
      return "restoring";
    case "closed":
      return "ended";
  }
}

/** Who else intercepts: `theo@desk · 34 min`, `ines@studio + 1 · 3 h`. */
export function othersWords(others: readonly InterceptSummary[], now: number): string {
  const [first] = others;
  if (!first) return "";
  const more = others.length > 1 ? ` + ${others.length - 1}` : "";
  const age = span(now - Math.min(...others.map(({ created }) => created)));
  return first.state === "residue" ? `left by ${ownerWords(first)}${more} · ${age}` : `${ownerWords(first)}${more} · ${age}`;
}

export const ownerWords = ({ owner }: InterceptSummary) => `${owner.user}@${owner.host}`;

/** A rule without what goes without saying. */
export const ruleWords = (rule: string) => rule.replace(/^requests with /, "");

export { missWords } from "../../components/miss-words";

export const filterWords = (count: number) => (count === 0 ? words.filter : `Filter ${counted(count, "Service")}`);

/** `catalog, 3 pods ready`: a row for those who hear it. */
export function rowWords(service: ServiceSummary): string {
  return `${service.name}, ${service.namespace}, ${counted(service.ready, "pod")} ready`;
}

export const pane = {
  close: "Close details",
  inspector: "Open inspector",
  intercept: "Your intercept",
  match: "Match",
  target: "Local target",
  tunnel: "Tunnel",
  lifetime: "Lifetime",
  untilStop: "until you stop",
  minute: "Requests a minute",
  reach: "reach your laptop",
  origin: "reach the origin",
  ago: "5 min ago",
  now: "now",
  noTraffic: "No request yet.",
  misses: "Did not match",
  show: "Show",
  also: "Others on this Service",
  service: "Service",
  type: "Type",
  address: "Address",
  workload: "Pods of",
  none: "none",
  restores: "Restores itself 60 s after this laptop disappears.",
  takeOut: "Take out",
  takeOutQuestion: (owner: string) => `Requests of ${owner} go to the original pods again.`,
  cancel: "Cancel",
  stop: "Stop",
  start: "Intercept…",
} as const;
