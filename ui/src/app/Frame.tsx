// The frame: rail, the screen chosen, the status strip.

import { useCallback, useEffect, useState } from "react";

import type { Goal } from "../bindings/wire";
import { hasCtrl } from "../components/platform";
import { InspectorScreen } from "../features/inspector/InspectorScreen";
import { SettingsScreen } from "../features/settings/SettingsScreen";
import { TunnelScreen } from "../features/tunnel/TunnelScreen";
import { usePreferences, useStore } from "../state/use-desk";
import { GoContext } from "../state/use-go";
import { Home } from "./Home";
import { Rail } from "./Rail";
import { screenAsked, screens, type ScreenName } from "./screens";
import { StatusStrip } from "./StatusStrip";
import { useTheme } from "./theme";

export function Frame() {
  const store = useStore();
  const [preferences] = usePreferences();
  const [screen, setScreen] = useState<ScreenName>(screenAsked);
  useTheme(preferences?.theme ?? null);
  useScreenKeys(setScreen);

  const go = useCallback((goal: Goal) => {
    if (goal.screen !== "quit") setScreen(goal.screen === "sheet" ? "services" : goal.screen);
  }, []);
  useEffect(() => store.onGoal(go), [store, go]);

  return (
    <GoContext value={go}>
      <div className="frame">
        <Rail screen={screen} onScreen={setScreen} />
        <div className="frame-screen"><Screen name={screen} /></div>
        <StatusStrip />
      </div>
    </GoContext>
  );
}

function Screen({ name }: { name: ScreenName }) {
  switch (name) {
    case "services":
      return <Home onSheet={() => undefined} />;
    case "inspector":
      return <InspectorScreen />;
    case "tunnel":
      return <TunnelScreen />;
    case "settings":
      return <SettingsScreen />;
  }
}

function useScreenKeys(onScreen: (screen: ScreenName) => void): void {
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const next = hasCtrl(event) ? screens[Number(event.key) - 1] : undefined;
      if (!next) return;
      event.preventDefault();
      onScreen(next);
    };
    window.addEventListener("keydown", hear);
    return () => { window.removeEventListener("keydown", hear); };
  }, [onScreen]);
}
