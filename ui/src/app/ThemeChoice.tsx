import { Monitor, Moon, Sun, type LucideIcon } from "lucide-react";
import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

import { themes, useTheme, type Theme } from "./theme";

const looks: Record<Theme, { word: string; Icon: LucideIcon }> = {
  system: { word: "System", Icon: Monitor },
  light: { word: "Light", Icon: Sun },
  dark: { word: "Dark", Icon: Moon },
};

export function ThemeChoice() {
  const [theme, setTheme] = useTheme();
  return (
    <ToggleButtonGroup
      className="segments theme-choice"
      aria-label="Theme"
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[theme]}
      onSelectionChange={(keys) => {
        const next = themes.find((each) => keys.has(each));
        if (next) setTheme(next);
      }}
    >
      {themes.map((each) => {
        const { word, Icon } = looks[each];
        return (
          <ToggleButton key={each} id={each} className="segment">
            <Icon size={14} strokeWidth={1.5} aria-hidden />
            {word}
          </ToggleButton>
        );
      })}
    </ToggleButtonGroup>
  );
}
