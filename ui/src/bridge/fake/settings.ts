// Preferences.

import type { Preferences } from "../../bindings/wire";
import { Refusal } from "../bridge";
import type { Answers, World } from "./world";

export const preferencesAtFirst = (): Preferences => ({
  theme: "system", productionContexts: ["prod-eu"], lastContext: "kind-dev", namespaces: {}, favourites: [], recent: [],
  savedFilters: [], hidesHealthChecks: true, recording: "bodies", keptBytes: 512 * 1024 * 1024, keptRequests: 100_000,
  coveredHeaders: [], proxyImage: null, agentImage: null, pullSecrets: [], defaultHeader: "X-C6O-INTERCEPT", defaultValue: "yes", closesToTray: true, startsAtLogin: false,
  notifies: true, stopAllShortcut: "", hasSeenFirstStart: true,
});

export function settingsAnswers(world: World): Pick<Answers, "set_preferences"> {
  return {
    set_preferences: ({ preferences }) => {
      if (world.scenario === "error") {
        throw new Refusal({
          code: "unexpected", message: "The settings could not be written: no space left on the disk.",
          hint: "Make room on the disk, then change it again.", field: null, spot: null,
        });
      }
      world.preferences = preferences;
      return null;
    },
  };
}
