// The frame: rail, the screen chosen, the sheet, the status strip, and what comes over all of them.

import { useCallback, useEffect, useMemo, useState } from "react";

import type { Goal, InterceptWish } from "../bindings/wire";
import { ErrorNotice } from "../components/Notice";
import { LookAgain } from "../components/LookAgain";
import { InspectorScreen } from "../features/inspector/InspectorScreen";
import { SettingsScreen } from "../features/settings/SettingsScreen";
import { Sheet } from "../features/sheet/Sheet";
import { TunnelScreen } from "../features/tunnel/TunnelScreen";
import { useKnown, usePreferences, useStore } from "../state/use-desk";
import { GoContext } from "../state/use-go";
import { PaletteContext } from "./CommandsButton";
import { Home } from "./Home";
import { Overlays, type OverlayName } from "./Overlays";
import { Rail } from "./Rail";
import { screenAsked, type ScreenName } from "./screens";
import { StatusStrip } from "./StatusStrip";
import { useTheme } from "./theme";
import { Toasts } from "./Toasts";
import { useFrameKeys } from "./use-frame-keys";

export function Frame() {
  const store = useStore();
  const [preferences] = usePreferences();
  const error = useKnown((known) => known.error);
  const [screen, setScreen] = useState<ScreenName>(screenAsked);
  const [overlay, setOverlay] = useState<OverlayName | null>(null);
  const [sheet, setSheet] = useState<{ wish: InterceptWish; round: number } | null>(null);
  const [intercept, setIntercept] = useState<number | null>(null);
  useTheme(preferences?.theme ?? null);
  useFrameKeys(setScreen, setOverlay);

  const onSheet = useCallback((wish: InterceptWish) => {
    setScreen("services");
    setSheet((before) => ({ wish, round: (before?.round ?? 0) + 1 }));
  }, []);
  const go = useCallback((goal: Goal) => {
    if (goal.screen === "quit") {
      setOverlay("quit");
      return;
    }
    if (goal.screen === "sheet") {
      onSheet(goal.wish);
      return;
    }
    if (goal.screen === "tunnel") setIntercept(goal.key);
    setSheet(null);
    setScreen(goal.screen);
  }, [onSheet]);
  useEffect(() => store.onGoal(go), [store, go]);
  const openPalette = useMemo(() => () => { setOverlay("palette"); }, []);

  return (
    <GoContext value={go}>
      <PaletteContext value={openPalette}>
        <div className="frame">
          <Rail screen={screen} onScreen={setScreen} />
          <div className="frame-screen">
            {error
              ? <main className="crash"><ErrorNotice title="The program does not answer" message={error.message} hint={error.hint} acts={<LookAgain look="primary" onLookAgain={store.askAgain} />} /></main>
              : <Screen name={screen} intercept={intercept} onSheet={onSheet} />}
            {sheet && screen === "services" && <Sheet key={sheet.round} wish={sheet.wish} onClose={() => { setSheet(null); }} />}
          </div>
          <StatusStrip />
          <Toasts />
        </div>
        <Overlays name={overlay} onClose={() => { setOverlay(null); }} onOverlay={setOverlay} onScreen={setScreen} onSheet={onSheet} />
      </PaletteContext>
    </GoContext>
  );
}

interface ScreenProps {
  name: ScreenName;
  /** The one that the tunnel's screen begins with. */
  intercept: number | null;
  onSheet: (wish: InterceptWish) => void;
}

function Screen({ name, intercept, onSheet }: ScreenProps) {
  switch (name) {
    case "services":
      return <Home onSheet={onSheet} />;
    case "inspector":
      return <InspectorScreen />;
    case "tunnel":
      return <TunnelScreen intercept={intercept} />;
    case "settings":
      return <SettingsScreen />;
  }
}
