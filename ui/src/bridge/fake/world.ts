// What the parts of the fake host share: its scenario, its memory, its clock, and how they tell events.

import type { Commands, DeskEvent, InterceptView, Preferences, TimelineEntry } from "../../bindings/wire";

/**
 * `full`: one intercept stands, requests come. `quiet`: Services, and nothing begun. `empty`: nothing anywhere.
 * `loading`: nothing ever answers but `hello`. `error`: the cluster and the store refuse. `first`: the first start.
 * `bare`: the first start without a kubeconfig. `many`: 10,000 Services. `broken`: a program
 * is not there, a relay is lost.
 */
export const scenarios = ["full", "quiet", "empty", "loading", "error", "first", "bare", "many", "broken"] as const;
export type Scenario = (typeof scenarios)[number];

/** How each command is answered; a thrown or rejected `Refusal` refuses it. */
export type Answers = {
  [Name in keyof Commands]: (question: Commands[Name]["takes"]) => Commands[Name]["answers"] | Promise<Commands[Name]["answers"]>;
};

export interface World {
  scenario: Scenario;
  /** What waits are multiplied by: 1 in a browser, less in tests. */
  pace: number;
  preferences: Preferences;
  intercepts: InterceptView[];
  timeline: TimelineEntry[];
  isSandbox: boolean;
  emit: (event: DeskEvent) => void;
  /** Runs an act after so many milliseconds of the world. */
  after: (ms: number, act: () => void) => void;
  wait: (ms: number) => Promise<void>;
}

/** For commands that the scenario never answers. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

export function tell(world: World, entry: Omit<TimelineEntry, "at">): void {
  const whole = { at: Date.now(), ...entry };
  world.timeline = [...world.timeline, whole];
  world.emit({ kind: "timeline", ...whole });
}

/** Replaces what is known of an intercept, and tells it. */
export function change(world: World, key: number, news: Partial<InterceptView>): void {
  world.intercepts = world.intercepts.map((each) => (each.key === key ? { ...each, ...news } : each));
  world.emit({ kind: "intercepts", intercepts: world.intercepts });
}
