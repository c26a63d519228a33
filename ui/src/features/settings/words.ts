// Every sentence of the settings, in one place.

import type { RecordingLevel, Theme } from "../../bindings/wire";
import { counted } from "../../components/counted";

export const themeNames: Record<Theme, string> = { system: "System", light: "Light", dark: "Dark" };
export const levelNames: Record<RecordingLevel, string> = {
  bodies: "Everything",
  heads: "Without bodies",
  nothing: "Nothing",
};

export const sectionNames = {
  general: "General",
  intercepts: "Match and intercepts",
  recording: "Recording",
  hidden: "Hidden values",
  clusters: "Clusters",
  shortcuts: "Shortcuts",
  about: "About",
} as const;
export type SectionId = keyof typeof sectionNames;

export const intros: Record<SectionId, string | null> = {
  general: null,
  intercepts: "What the sheet begins with. Each intercept can be opened with something else.",
  recording: "What is kept of each request on this laptop. Nothing of it leaves the laptop unless you export it.",
  hidden: "Values of these headers are covered on the screen and in what you export. One click shows a single value; nothing is lost.",
  clusters: "Read from your kubeconfig each time. Intercept has the rights that your kubeconfig has, no others.",
  shortcuts: "Press ? anywhere to see those of the screen you are on.",
  about: null,
};

export const words = {
  screen: "Settings",
  sections: "Sections",
  find: "Find a setting",
  nothing: (query: string) => `No setting has “${query}” in its words.`,
  showAll: "Show all settings",
  noAnswer: "The program does not answer",
  reading: "Asking the program",
  groups: { look: "Look", window: "Window and tray", match: "Match", recording: "Recording", store: "Store", list: "List" },
  theme: { name: "Theme", help: "System follows your desktop.", label: "Theme" },
  language: { name: "Language", help: "English is the only one so far.", only: "English" },
  tray: {
    name: "Close to the tray",
    help: "On: closing the window keeps your intercepts. Off: closing asks, restores and quits.",
    noTray: "This desktop shows no tray icon, so the window is only hidden; start Intercept again to see it.",
  },
  login: { name: "Start at login", help: "Intercept starts in the tray. No cluster is contacted until you choose one." },
  notifications: {
    name: "Notifications",
    help: "When an intercept is live or restored, when your program or the relay goes away, or when somebody takes a Service.",
  },
  header: { name: "Default header", help: "Requests that carry it go to your laptop.", wrong: "A header name has letters, digits and - only, such as X-C6O-INTERCEPT." },
  value: { name: "Default value", help: "Empty: any value matches.", wrong: "A value is one line without spaces at its ends." },
  level: { name: "Record", help: "Nothing: requests pass and are counted, none is kept." },
  megabytes: { name: "Keep at most", help: "The oldest requests go first. Pinned ones stay. A new limit holds from the next start of Intercept.", unit: "MB", label: "Megabytes to keep" },
  count: { name: "And at most", help: "Whichever limit comes first counts.", unit: "requests", label: "Requests to keep" },
  range: (least: number, most: number) => `A whole number from ${least.toLocaleString("en")} to ${most.toLocaleString("en")}.`,
  used: {
    name: "Used now",
    reading: "Looking how much is used",
    is: (count: number) => counted(count, "request"),
    paused: "Recording is paused.",
    of: (used: string, most: string) => `${used} of ${most} MB`,
    meter: "Store",
    delete: "Delete all",
    ask: (count: number) => `Delete ${counted(count, "request")}, pinned ones too? This cannot be undone.`,
    confirm: "Delete",
    cancel: "Keep them",
    deleted: (count: number) => `${counted(count, "request")} deleted.`,
  },
  health: { name: "Hide health checks", help: "Leaves them out of the Inspector's list. They are still recorded and counted." },
  covered: {
    name: "Always covered",
    help: "Authorization, Cookie, Set-Cookie and every header, field or parameter named like a password, token, key or secret.",
    more: "Covered as well",
    moreHelp: "Header names of your own, such as X-Customer-Id.",
    none: "None yet.",
    add: "Add",
    label: "Header name",
    remove: (name: string) => `Do not cover ${name}`,
    twice: "It is covered already.",
  },
  clusters: {
    reading: "Reading the kubeconfig",
    none: "The kubeconfig has no context.",
    production: (name: string) => `${name} is production`,
    mark: "PROD",
    markHelp: "A context marked PROD is red and named wherever something would change.",
    current: "current context",
    sandbox: "inside this program",
    filesName: "Kubeconfig files",
    files: "The files in KUBECONFIG, or ~/.kube/config. They are read afresh whenever they change, and never written.",
  },
  stopAll: {
    name: "Stop everything, from anywhere",
    help: "Ends all intercepts and restores their Services, also while the window is closed.",
    none: "not set",
    record: "Set keys",
    recording: "Press the keys, Esc to leave it",
    remove: "Remove",
    weak: "Use Ctrl, Alt or Super together with another key.",
  },
  about: {
    version: "Version",
    licence: "Licence",
    licenceIs: "Apache-2.0",
    you: "You are",
    youHelp: "What others see as the owner of your intercepts.",
    kept: "What is kept where",
    keptIs: [
      "Recorded requests, these settings and the log are kept on this laptop, in folders of your user.",
      "What is needed to undo an intercept stands in the cluster itself. Any copy of Intercept can restore it, and the cluster does it alone when your laptop is gone.",
      "Passwords and tokens of clusters stay in your kubeconfig.",
    ],
    telemetry: "Telemetry",
    telemetryIs: "None. Intercept talks to your clusters and your own programs, and to nobody else.",
    diagnostics: "Diagnostics",
    diagnosticsHelp: "A text for whoever looks into a problem. It holds no secret and no body of a request.",
    copy: "Copy diagnostics",
    copied: "Copied",
    missing: "Not available",
  },
} as const;

export interface Shortcut {
  keys: string[];
  does: string;
}

/** `Mod` is Ctrl, and on a Mac the command key. */
export const shortcutGroups: { title: string; shortcuts: Shortcut[] }[] = [
  {
    title: "Everywhere",
    shortcuts: [
      { keys: ["Mod+K"], does: "Command palette" },
      { keys: ["Mod+1", "Mod+2", "Mod+3", "Mod+4"], does: "Services, Inspector, Tunnel, Settings" },
      { keys: ["/"], does: "Filter or find" },
      { keys: ["?"], does: "All shortcuts" },
      { keys: ["Escape"], does: "Close, or empty the filter" },
    ],
  },
  { title: "Sheet", shortcuts: [{ keys: ["Mod+Enter"], does: "Apply the plan" }] },
  {
    title: "Inspector",
    shortcuts: [
      { keys: ["J", "K"], does: "Next and previous request" },
      { keys: ["Enter"], does: "Open" },
      { keys: ["R"], does: "Replay" },
      { keys: ["E"], does: "Edit and replay" },
      { keys: ["D"], does: "Compare" },
      { keys: ["C"], does: "Copy as curl" },
      { keys: ["P"], does: "Pin" },
      { keys: ["M"], does: "Mock this response" },
      { keys: ["X"], does: "Delete" },
      { keys: ["F"], does: "Switch the filter off and on" },
      { keys: ["Space"], does: "Pause recording" },
      { keys: ["Mod+F"], does: "Find in the body" },
    ],
  },
  { title: "Tunnel", shortcuts: [{ keys: ["T"], does: "Test every hop" }] },
];
