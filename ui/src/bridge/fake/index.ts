// A program that is not there: believable, with a memory, in one of several states by name.

import type { Commands, DeskEvent } from "../../bindings/wire";
import { asRefusal, type Bridge, type CommandName } from "../bridge";
import { clusterAnswers } from "./clusters";
import { interceptAnswers, standing } from "./intercepts";
import { requestAnswers } from "./requests";
import { preferencesAtFirst, settingsAnswers } from "./settings";
import { beginTraffic, broken, timelineAtFirst, tunnelAnswers } from "./tunnel";
import { scenarios, type Answers, type Scenario, type World } from "./world";

export type { Answers, Scenario } from "./world";

export interface FakeBridge extends Bridge {
  world: World;
  /** Tells an event, as the program would. */
  emit: (event: DeskEvent) => void;
  /** Names of the commands that were asked, and with what. */
  asked: { name: CommandName; question: unknown }[];
  copied: string[];
}

interface Wishes {
  scenario?: Scenario;
  /** Replaces how single commands are answered. */
  answers?: Partial<Answers>;
  /** What waits are multiplied by; in tests nothing waits unless this says so. */
  pace?: number;
}

export function scenarioNamed(name: string | null): Scenario {
  return scenarios.find((each) => each === name) ?? "full";
}

/** A bridge without a program behind it. */
export function fakeBridge({ scenario = "full", answers = {}, pace = import.meta.env.MODE === "test" ? 0 : 1 }: Wishes = {}): FakeBridge {
  const hearers = new Set<(event: DeskEvent) => void>();
  const world = newWorld(scenario, pace, (event) => { for (const hear of hearers) hear(event); });
  const table: Answers = { ...answersOf(world), ...answers };
  const asked: FakeBridge["asked"] = [];
  const copied: string[] = [];
  beginTraffic(world);

  const ask = async <Name extends CommandName>(name: Name, question: Commands[Name]["takes"]) => {
    asked.push({ name, question });
    await Promise.resolve();
    try {
      return await table[name](question);
    } catch (thrown) {
      throw asRefusal(thrown);
    }
  };
  return {
    world, asked, copied, ask,
    emit: world.emit,
    listen: (hear) => {
      hearers.add(hear);
      return () => { hearers.delete(hear); };
    },
    shell: {
      copyText: (text) => { copied.push(text); return Promise.resolve(); },
      openFile: () => Promise.resolve("/home/mira/requests.har"),
      saveFile: ({ suggested }) => Promise.resolve(`/home/mira/${suggested}`),
      quit: () => Promise.resolve(),
      version: () => Promise.resolve("0.1.0"),
    },
  };
}

function newWorld(scenario: Scenario, pace: number, emit: World["emit"]): World {
  const isFirst = scenario === "first" || scenario === "bare" || scenario === "empty";
  const preferences = preferencesAtFirst();
  const world: World = {
    scenario, pace, emit,
    preferences: isFirst ? { ...preferences, hasSeenFirstStart: scenario === "empty", lastContext: null } : preferences,
    intercepts: scenario === "full" ? [standing()] : scenario === "broken" ? broken() : [],
    timeline: scenario === "full" || scenario === "broken" ? timelineAtFirst() : [],
    isSandbox: false,
    after: (ms, act) => { setTimeout(act, ms * world.pace); },
    wait: (ms) => new Promise((resolve) => { world.after(ms, resolve); }),
  };
  return world;
}

function answersOf(world: World): Answers {
  return {
    hello: () => ({
      version: "0.1.0", owner: "mira@laptop", preferences: world.preferences, intercepts: world.intercepts,
      timeline: world.timeline, missing: [], hasTray: true,
    }),
    ...clusterAnswers(world),
    ...interceptAnswers(world),
    ...requestAnswers(world),
    ...tunnelAnswers(world),
    ...settingsAnswers(world),
  };
}
