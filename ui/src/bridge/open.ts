import { isTauri } from "@tauri-apps/api/core";

import type { Bridge } from "./bridge";
import { fakeBridge } from "./fake";
import { tauriBridge } from "./tauri";

/** The program's bridge in its window; in a plain browser the made-up one, so that every view can be seen there. */
export function openBridge(): Bridge {
  return isTauri() ? tauriBridge : fakeBridge();
}
