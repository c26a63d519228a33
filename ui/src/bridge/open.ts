import { isTauri } from "@tauri-apps/api/core";

import type { Bridge } from "./bridge";
import { fakeBridge, scenarioNamed } from "./fake";
import { tauriBridge } from "./tauri";

/** The program's bridge in its window; in a plain browser a made-up one, its scenario named by the address. */
export function openBridge(): Bridge {
  if (isTauri()) return tauriBridge;
  const query = new URLSearchParams(window.location.search);
  return fakeBridge({ scenario: scenarioNamed(query.get("scenario")) });
}
