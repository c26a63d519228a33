// The program itself. Questions are commands; events come through one channel, opened when somebody first listens.

import { Channel, invoke } from "@tauri-apps/api/core";

import type { DeskEvent, Hello } from "../bindings/wire";
import { asRefusal, type Bridge } from "./bridge";

async function command<Answer>(name: string, question: Record<string, unknown> = {}): Promise<Answer> {
  try {
    return await invoke<Answer>(name, question);
  } catch (thrown) {
    throw asRefusal(thrown);
  }
}

const hearers = new Set<(event: DeskEvent) => void>();
let channel: Channel<DeskEvent> | null = null;

function openChannel(): void {
  if (channel) return;
  channel = new Channel<DeskEvent>((event) => {
    for (const hear of hearers) hear(event);
  });
  command("listen", { channel }).catch((thrown: unknown) => {
    console.error("the window cannot hear the program", thrown);
  });
}

export const tauriBridge: Bridge = {
  ask: (name, question) => command(name, question),
  listen: (hear) => {
    hearers.add(hear);
    openChannel();
    return () => { hearers.delete(hear); };
  },
  shell: {
    copyText: async (text) => { await command("copy_text", { text }); },
    openFile: (wish) => command<string | null>("open_file", wish),
    saveFile: (wish) => command<string | null>("save_file", wish),
    quit: async (how) => { await command("quit", { how }); },
    version: async () => (await command<Hello>("hello")).version,
  },
};
