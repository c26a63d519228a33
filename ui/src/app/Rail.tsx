// The way between screens: four icons at the left.

import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

import { ctrl } from "../components/platform";
import { Tip } from "../components/Tip";
import { screenLooks, screens, type ScreenName } from "./screens";

export function Rail({ screen, onScreen }: { screen: ScreenName; onScreen: (screen: ScreenName) => void }) {
  return (
    <nav className="rail" aria-label="Screens">
      <img className="rail-mark" src="/icon.svg" alt="Intercept" width="24" height="24" />
      <ToggleButtonGroup
        className="rail-screens"
        aria-label="Screen"
        orientation="vertical"
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[screen]}
        onSelectionChange={(keys) => {
          const next = screens.find((each) => keys.has(each));
          if (next) onScreen(next);
        }}
      >
        {screens.map((each, at) => {
          const { word, Icon } = screenLooks[each];
          return (
            <Tip key={each} words={word} keys={`${ctrl} ${at + 1}`} placement="right">
              <ToggleButton id={each} className="rail-screen" aria-label={word}>
                <Icon size={16} strokeWidth={1.5} aria-hidden />
              </ToggleButton>
            </Tip>
          );
        })}
      </ToggleButtonGroup>
    </nav>
  );
}
