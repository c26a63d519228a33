// Keys that work everywhere: screens, commands, and the sheet of keys.

import { useEffect } from "react";

import { hasCtrl, isTyping } from "../components/platform";
import type { OverlayName } from "./Overlays";
import { screens, type ScreenName } from "./screens";

export function useFrameKeys(onScreen: (screen: ScreenName) => void, onOverlay: (name: OverlayName) => void): void {
  useEffect(() => {
    const actFor = (event: KeyboardEvent): (() => void) | null => {
      if (hasCtrl(event)) {
        const screen = screens[Number(event.key) - 1];
        if (screen) return () => { onScreen(screen); };
        return event.key.toLowerCase() === "k" ? () => { onOverlay("palette"); } : null;
      }
      return event.key === "?" && !isTyping(event) ? () => { onOverlay("keys"); } : null;
    };
    const hear = (event: KeyboardEvent) => {
      const act = event.altKey || event.defaultPrevented ? null : actFor(event);
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", hear);
    return () => { window.removeEventListener("keydown", hear); };
  }, [onScreen, onOverlay]);
}
