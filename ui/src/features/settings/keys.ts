// Keys as the desktop names them (`CommandOrControl+Shift+S`), and as people read them.

import { isMac } from "../../components/platform";

const macNames: Record<string, string> = { Mod: "⌘", CommandOrControl: "⌘", Super: "⌘", Control: "⌃", Alt: "⌥", Shift: "⇧" };
const otherNames: Record<string, string> = { Mod: "Ctrl", CommandOrControl: "Ctrl", Control: "Ctrl", Super: "Super", Escape: "Esc" };

/** `Mod+K` in parts, as this desktop's keyboard has them. */
export function keyCaps(keys: string): string[] {
  const names = isMac ? macNames : otherNames;
  return keys.split("+").map((part) => names[part] ?? part);
}

const modifiers = new Set(["Control", "Shift", "Alt", "Meta", "AltGraph", "CapsLock", "Fn", "OS", "Dead", "Process", "Unidentified"]);

/** From the place of the key, since Shift and Alt change what it types. */
function keyName(code: string): string | null {
  const letter = /^(?:Key|Digit)(.)$/.exec(code)?.[1];
  if (letter !== undefined) return letter;
  return /^(F\d{1,2}|Arrow(Up|Down|Left|Right)|Home|End|PageUp|PageDown|Insert|Delete|Backspace|Space|Enter|Tab|Escape|Minus|Equal|Comma|Period|Slash|Backslash|Semicolon|Quote|Backquote|BracketLeft|BracketRight)$/.test(code)
    ? code
    : null;
}

export type Pressed = { kind: "more" } | { kind: "weak" } | { kind: "keys"; keys: string };

/** What was pressed; `more` while only modifiers are down, `weak` where the keys would be in everybody's way. */
export function pressed(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "altKey" | "metaKey" | "shiftKey">): Pressed {
  if (modifiers.has(event.key)) return { kind: "more" };
  const name = keyName(event.code);
  const held = [
    event.ctrlKey && (isMac ? "Control" : "CommandOrControl"),
    event.metaKey && (isMac ? "CommandOrControl" : "Super"),
    event.altKey && "Alt",
    event.shiftKey && "Shift",
  ].filter((part): part is string => typeof part === "string");
  const isStrong = event.ctrlKey || event.metaKey || event.altKey;
  return name === null || !isStrong ? { kind: "weak" } : { kind: "keys", keys: [...held, name].join("+") };
}
