import type { InterceptView } from "../../bindings/wire";

/** As a sentence that begins a line. */
export const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** The way to the laptop in two words; nothing where there is none yet. */
export function relayWords({ relays, phase }: InterceptView): string | null {
  if (relays.length === 0 || phase.phase === "closed") return null;
  const open = relays.filter(({ isOpen }) => isOpen).length;
  if (open === relays.length) return "relay open";
  return open === 0 ? "relay closed" : `relay open to ${open} of ${relays.length} proxy pods`;
}
