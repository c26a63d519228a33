// Every sentence of this screen, in one place.

import type { HopPlace, Miss, Phase } from "../../bindings/wire";
import { counted } from "../../components/counted";

const digits = new Intl.NumberFormat("en");

export const number = (value: number): string => digits.format(value);

/** A place on the line: those a probe knows, the callers before them and the origin beside them. */
export type StopPlace = Exclude<HopPlace, "rule"> | "callers" | "origin";

export const placeNames: Record<StopPlace, string> = {
  callers: "callers",
  service: "Service",
  proxy: "proxy",
  gate: "gate",
  relay: "relay",
  laptop: "laptop",
  program: "your program",
  origin: "origin",
};

/** What a place is for, said while nothing is wrong with it. */
export const placeJobs: Record<StopPlace, string> = {
  callers: "Pods and others that call the Service. They notice nothing of the intercept.",
  service: "The Service keeps its name, address and ports. Its selector points at the proxy while an intercept stands.",
  proxy: "NGINX in the cluster. It sends requests that match to the gate, all others to the origin.",
  gate: "A switch in the proxy pod: open while your laptop answers, shut within a moment when it does not.",
  relay: "The connection between a proxy pod and this laptop, over the Kubernetes API. Nothing is open to the internet.",
  laptop: "Intercept on this laptop. It records requests and hands them to your program.",
  program: "The program you are working on. Only it sees the requests that match.",
  origin: "The original pods. They answer every request that does not match, and all of them when your laptop is away.",
};

const phaseWords: Record<Exclude<Phase["phase"], "displaced">, string> = {
  planning: "planning",
  applying: "starting",
  active: "active",
  reconnecting: "reconnecting, the origin answers",
  closing: "restoring",
  closed: "ended",
};

export const phaseSentence = (phase: Phase): string =>
  phase.phase === "displaced" ? `${phase.by} changed the selector, requests go past the proxy` : phaseWords[phase.phase];

export const missHints: Record<Miss, string> = {
  absent: "A program on the way does not pass the header on.",
  otherValue: "Somebody else's requests, or a value that was typed differently.",
  otherPath: "They carry the header, but the path does not begin as the intercept asks.",
  otherMethod: "They carry the header, but the intercept does not take this method.",
  taken: "An intercept that is asked before yours fits them too.",
};

export const words = {
  screen: "Tunnel",
  side: "Rates and events",
  noAnswer: "The program does not answer",
  reading: "Asking the program",
  choose: "Intercept",
  test: "Test every hop",
  testing: "Testing",
  testedAt: (at: string) => `tested at ${at}`,
  arrives: (millis: string) => `A request that fits arrives on this laptop and its answer is back after ${millis}.`,
  arrivesSomehow: "A request that fits arrives on this laptop.",
  stopsAt: (place: string) => `A request that fits stops at ${place}.`,
  copyDiagnostics: "Copy diagnostics",
  copied: "Copied",
  line: "The way of a request",
  inCluster: "In the cluster",
  onLaptop: "On your laptop",
  origin: "Requests that do not match",
  everyRequest: "Every request",
  stop: "Stop the intercept",
  otherTarget: "Other local target",
  use: (port: number) => `Use :${port}`,
  restartNote: "Another target stops this intercept and opens the sheet, with nothing applied yet. The origin answers meanwhile.",
  lookAgain: "Look again",
  nothingListens: (target: string) => `Nothing listens on ${target}`,
  listensNow: (program: string, port: number) => `${program} listens on :${port} now.`,
  opensByItself: "The origin answers until something listens there again; then your program gets the requests by itself.",
  knownOf: (place: string) => `What is known of ${place}`,
  activeAlone: "active, but the origin answers everything",
  overview: "This intercept",
  overviewOf: (rule: string, service: string, target: string) => `Takes ${rule} to ${service}, and hands them to ${target}. All others are answered by the original pods.`,
  overviewOver: "It has ended. The original pods answer every request.",
  overviewHint: "Choose a place above to see what is known of it.",
  none: {
    title: "No intercept yet",
    body: "Start one, and this screen shows the way of a request from its caller to your program, hop by hop: what is connected, how long it takes, and where it stops.",
    act: "Go to Services",
  },
  ended: "This intercept has ended. What follows is how it was.",
  relayCard: {
    title: "relay",
    open: "open",
    notOpen: "not open",
    partly: "partly open",
    over: "Over",
    overValue: "Kubernetes API, port-forward",
    pods: "Proxy pods",
    podsOf: (open: number, all: number) => `${number(open)} of ${number(all)} connected`,
    since: "Since",
    ready: "Ready after",
    latency: "Round trip",
    untested: "not tested yet",
    none: "No proxy pod is there yet.",
    podOpen: "connected",
    podShut: "not connected",
  },
  ngrok: {
    title: "ngrok",
    later: "comes with a later version",
    body: "A tunnel for clusters that do not allow port-forward. This version always uses the relay, which needs no account.",
  },
  rates: {
    title: "Requests a second",
    laptop: "your laptop",
    fellBack: "fell back",
    others: "did not match",
    ago: "5 min ago",
    now: "now",
    sums: (laptop: number, fellBack: number, others: number) =>
      `Since it began: ${counted(laptop, "request")} to your laptop, ${number(fellBack)} fell back to the origin, ${number(others)} did not match.`,
    unseen: (count: number) => `${counted(count, "more request")} passed without being looked at one by one, under heavy load.`,
    dropped: (count: number) => `${counted(count, "row")} of matched requests could not be told.`,
    none: "Nothing has come yet.",
    noneTry: "Send one that fits:",
    copy: "Copy",
    latest: (laptop: number, fellBack: number, others: number) =>
      `In the last five minutes: at most ${number(laptop)} a second to your laptop, ${number(fellBack)} fell back, ${number(others)} did not match.`,
  },
  misses: {
    title: "Requests that did not match",
    none: "None so far.",
    when: "When",
    request: "Request",
    found: "Found",
    nothing: "nothing",
    from: "From",
    answered: "Answered",
    noAnswer: "not answered",
    keptAlive: (seconds: number) =>
      `The switch was ${number(seconds)} s ago. Callers may still hold connections to the original pods from before it. That cannot be seen from here; a restart of the caller ends it.`,
  },
  callers: {
    title: "Callers",
    none: "Nobody has called since the intercept began.",
    who: "Pod or address",
    matched: "Matched",
    others: "Did not",
    last: "Last",
    note: "Numbers are of requests that were told one by one.",
  },
  timeline: { title: "What happened", none: "Nothing yet.", kinds: { good: "worked", notice: "noticed", bad: "went wrong" } },
} as const;
