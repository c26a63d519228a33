import { invoke } from "@tauri-apps/api/core";

import type { Context, Service } from "../bindings/wire";
import { asRefusal, type Bridge } from "./bridge";

async function ask<Answer>(command: string, question?: Record<string, string>): Promise<Answer> {
  try {
    return await invoke<Answer>(command, question);
  } catch (thrown) {
    throw asRefusal(thrown);
  }
}

export const tauriBridge: Bridge = {
  listContexts: () => ask<Context[]>("list_contexts"),
  listServices: (context) => ask<Service[]>("list_services", { context }),
  trySandbox: async () => { await ask<null>("try_sandbox"); },
};
