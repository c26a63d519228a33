// The frame: rail, the screen chosen, the status strip.

import { useCallback, useEffect, useState } from "react";

import type { Goal, InterceptWish } from "../bindings/wire";
import { hasCtrl } from "../components/platform";
import { InspectorScreen } from "../features/inspector/InspectorScreen";
import { SettingsScreen } from "../features/settings/SettingsScreen";
import { Sheet } from "../features/sheet/Sheet";
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

  const [sheet, setSheet] = useState<{ wish: InterceptWish; round: number } | null>(null);
  const onSheet = useCallback((wish: InterceptWish) => { setSheet((before) => ({ wish, round: (before?.round ?? 0) + 1 })); }, []);

  const go = useCallback((goal: Goal) => {
    if (goal.screen === "sheet") onSheet(goal.wish);
    else if (goal.screen !== "quit") setSheet(null);
    if (goal.screen !== "quit") setScreen(goal.screen === "sheet" ? "services" : goal.screen);
  }, [onSheet]);
  useEffect(() => store.onGoal(go), [store, go]);

  return (
    <GoContext value={go}>
      <div className="frame">
        <Rail screen={screen} onScreen={setScreen} />
        <div className="frame-screen">
          <Screen name={screen} onSheet={onSheet} />
          {sheet && screen === "services" && <Sheet key={sheet.round} wish={sheet.wish} onClose={() => { setSheet(null); }} />}
        </div>
        <StatusStrip />
      </div>
    </GoContext>
  );
}

function Screen({ name, onSheet }: { name: ScreenName; onSheet: (wish: InterceptWish) => void }) {
  switch (name) {
    case "services":
      return <Home onSheet={onSheet} />;
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
