// What comes over the window: commands, keys, and the question before leaving.

import { useContext, useMemo, useSyncExternalStore } from "react";

import type { InterceptWish } from "../bindings/wire";
import { useBridge } from "../bridge/use-bridge";
import { ctrl } from "../components/platform";
import { OffersContext, type Offer } from "../state/offers";
import { usePreferences, useStore, useWatched } from "../state/use-desk";
import { Palette } from "./Palette";
import { interceptOffers } from "./palette-search";
import { QuitDialog } from "./QuitDialog";
import { screenLooks, screens, type ScreenName } from "./screens";
import { ShortcutSheet } from "./ShortcutSheet";

export type OverlayName = "palette" | "keys" | "quit";

interface Props {
  name: OverlayName | null;
  onClose: () => void;
  onOverlay: (name: OverlayName) => void;
  onScreen: (screen: ScreenName) => void;
  onSheet: (wish: InterceptWish) => void;
}

export function Overlays({ name, onClose, onOverlay, onScreen, onSheet }: Props) {
  const ofScreens = useContext(OffersContext);
  const offered = useSyncExternalStore(ofScreens.subscribe, ofScreens.get);
  const own = useOwnOffers(onOverlay, onScreen);
  const watched = useWatched();
  const [preferences] = usePreferences();
  if (name === "quit") return <QuitDialog onClose={onClose} />;
  if (name === "keys") return <ShortcutSheet offers={[...own, ...offered]} onClose={onClose} />;
  if (name === null) return null;
  const intercepts = (typed: string) => (watched && preferences
    ? interceptOffers(typed, { context: watched.context, services: watched.services, preferences, onSheet }) : []);
  return <Palette offers={[...own, ...offered]} intercepts={intercepts} onClose={onClose} />;
}

function useOwnOffers(onOverlay: Props["onOverlay"], onScreen: Props["onScreen"]): readonly Offer[] {
  const bridge = useBridge();
  const { prefer } = useStore();
  return useMemo(() => [
    ...screens.map((screen, at): Offer => ({
      id: `go ${screen}`, group: "Go to", title: screenLooks[screen].word, keys: `${ctrl} ${at + 1}`, run: () => { onScreen(screen); },
    })),
    { id: "palette", group: "Window", title: "Commands", keys: `${ctrl} K`, run: () => { onOverlay("palette"); } },
    { id: "keys", group: "Window", title: "Show all keys", keys: "?", run: () => { onOverlay("keys"); } },
    { id: "stop", group: "Window", title: "Stop everything and restore", run: () => { bridge.ask("stop_all", {}).catch(() => undefined); } },
    ...(["light", "dark", "system"] as const).map((theme): Offer => ({
      id: `theme ${theme}`, group: "Window", title: `Theme: ${theme}`, run: () => { prefer({ theme }).catch(() => undefined); },
    })),
    { id: "quit", group: "Window", title: "Quit", run: () => { onOverlay("quit"); } },
  ], [bridge, prefer, onOverlay, onScreen]);
}
