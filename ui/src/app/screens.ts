// The screens of the rail, in its order.

import { Activity, Server, Settings2, Waypoints, type LucideIcon } from "lucide-react";

export const screens = ["services", "inspector", "tunnel", "settings"] as const;
export type ScreenName = (typeof screens)[number];

export const screenLooks: Record<ScreenName, { word: string; Icon: LucideIcon }> = {
  services: { word: "Services", Icon: Server },
  inspector: { word: "Inspector", Icon: Activity },
  tunnel: { word: "Tunnel", Icon: Waypoints },
  settings: { word: "Settings", Icon: Settings2 },
};

export function screenAsked(): ScreenName {
  const asked = new URLSearchParams(window.location.search).get("screen");
  return screens.find((screen) => screen === asked) ?? "services";
}
