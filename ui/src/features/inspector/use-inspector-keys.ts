// Single keys of the inspector, as long as none of them is meant for a field.

import { useEffect, useMemo, type RefObject } from "react";

import { hasCtrl, isTyping } from "../../components/platform";
import { useOffer, type Offer } from "../../state/offers";
import type { Acts } from "./acts";

interface Wishes {
  acts: Acts;
  close: () => void;
  pause: () => void;
  toggleFilter: () => void;
  focusFilter: () => void;
  chooseAll: () => void;
  isComparing: boolean;
}

/** The same acts by name, for the command palette and the sheet of shortcuts. */
function offersOf({ acts, pause, toggleFilter, focusFilter }: Wishes): Offer[] {
  const named: [string, string, string, () => void][] = [
    ["replay", "Replay the request", "R", acts.replay], ["edit", "Edit and replay the request", "E", acts.edit],
    ["compare", "Compare two requests, or laptop and origin", "D", acts.compare], ["curl", "Copy as curl", "C", acts.copyCurl],
    ["pin", "Pin the request", "P", acts.pin], ["mock", "Mock this answer until switched off", "M", acts.mock],
    ["delete", "Delete the request from the list", "X", acts.remove], ["pause", "Pause recording, or go on", "Space", pause],
    ["filter", "Type a filter", "/", focusFilter], ["filter-off", "Switch the filter off and on", "F", toggleFilter],
  ];
  return named.map(([id, title, keys, run]) => ({ id: `inspector-${id}`, group: "Inspector", title, keys, run }));
}

export function useInspectorKeys(root: RefObject<HTMLElement | null>, wishes: Wishes): void {
  useOffer(useMemo(() => offersOf(wishes), [wishes]));
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const target = event.target;
      const isOutside = target instanceof Node && target !== document.body && !(root.current?.contains(target) ?? false);
      if (event.defaultPrevented || isOutside || isOfField(event) || event.altKey) return;
      if (act(event, wishes)) event.preventDefault();
    };
    window.addEventListener("keydown", hear);
    return () => { window.removeEventListener("keydown", hear); };
  }, [root, wishes]);
}

/** A body's editor has its own keys, and stands in a shadow root. */
const isOfField = (event: KeyboardEvent) => isTyping(event) || (event.target instanceof Element && event.target.closest(".code-view, .edit") !== null);

function act(event: KeyboardEvent, { acts, isComparing, ...wishes }: Wishes): boolean {
  if (hasCtrl(event)) {
    if (event.key.toLowerCase() !== "a" || !(event.target instanceof Element && event.target.closest("[role=grid]"))) return false;
    wishes.chooseAll();
    return true;
  }
  if (event.ctrlKey || event.metaKey || isComparing) return false;
  // On a button Space presses it.
  const isOnButton = event.target instanceof Element && event.target.closest("button, [role=option], [role=tab], [role=radio], [role=treegrid]") !== null;
  const table: Record<string, () => void> = {
    r: acts.replay, e: acts.edit, d: acts.compare, c: acts.copyCurl, p: acts.pin, m: acts.mock, x: acts.remove, delete: acts.remove,
    f: wishes.toggleFilter, "/": wishes.focusFilter, escape: wishes.close, " ": wishes.pause,
  };
  const run = table[event.key.toLowerCase()];
  if (!run || (event.key === " " && isOnButton)) return false;
  run();
  return true;
}
