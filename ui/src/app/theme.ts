// The theme: the system's, unless the user chose. The choice is this machine's own, so it lives in the web view's storage.

import { useEffect, useState } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "theme";
const systemIsLight = () => window.matchMedia("(prefers-color-scheme: light)");

export function savedTheme(): Theme {
  const saved = window.localStorage.getItem(key);
  return themes.find((theme) => theme === saved) ?? "system";
}

export function applyTheme(theme: Theme): void {
  const resolved = theme === "system" ? (systemIsLight().matches ? "light" : "dark") : theme;
  document.documentElement.dataset.theme = resolved;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(savedTheme);

  useEffect(() => {
    applyTheme(theme);
    window.localStorage.setItem(key, theme);
    const media = systemIsLight();
    const follow = () => { applyTheme(theme); };
    media.addEventListener("change", follow);
    return () => { media.removeEventListener("change", follow); };
  }, [theme]);

  return [theme, setTheme];
}
