// The theme: the system's, unless the user prefers another. Kept in the web view's storage as well, so that the first paint
// comes before the program's answer and in the right colours.

import { useEffect } from "react";

import type { Theme } from "../bindings/wire";

const themes: readonly Theme[] = ["system", "light", "dark"];
const key = "theme";
const systemIsLight = () => window.matchMedia("(prefers-color-scheme: light)");

/** What the address asks for, for looking at the window in a browser; then what was kept. */
export function savedTheme(): Theme {
  const asked = new URLSearchParams(window.location.search).get("theme");
  const saved = asked ?? window.localStorage.getItem(key);
  return themes.find((theme) => theme === saved) ?? "system";
}

export function applyTheme(theme: Theme): void {
  const resolved = theme === "system" ? (systemIsLight().matches ? "light" : "dark") : theme;
  document.documentElement.dataset.theme = resolved;
}

/** Follows what is preferred, and the system where that is preferred. */
export function useTheme(preferred: Theme | null): void {
  useEffect(() => {
    const asked = new URLSearchParams(window.location.search).has("theme");
    const theme = preferred === null || (asked && preferred === "system") ? savedTheme() : preferred;
    applyTheme(theme);
    if (preferred !== null) window.localStorage.setItem(key, preferred);
    const media = systemIsLight();
    const follow = () => { applyTheme(theme); };
    media.addEventListener("change", follow);
    return () => { media.removeEventListener("change", follow); };
  }, [preferred]);
}
