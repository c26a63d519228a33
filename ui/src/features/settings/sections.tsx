// Every setting with the words it is found by. The order here is the order on the screen.

import { Activity, Boxes, Info, Keyboard, ShieldCheck, SlidersHorizontal, Spline, type LucideIcon } from "lucide-react";
import type { ReactElement } from "react";

import { DiagnosticsSetting, KeptSetting, LicenceSetting, MissingSetting, OwnerSetting, TelemetrySetting, VersionSetting } from "./About";
import { ContextsSetting, KubeconfigFiles } from "./Clusters";
import { AlwaysCovered, CoveredSetting } from "./Covered";
import { LanguageSetting, LoginSetting, NotificationsSetting, ThemeSetting, TraySetting } from "./General";
import { HeaderSetting, LevelSetting, ValueSetting } from "./Intercepts";
import { CountSetting, HealthSetting, MegabytesSetting, UsedSetting } from "./Recording";
import { ShortcutList, StopAllSetting } from "./Shortcuts";
import { sectionNames, shortcutGroups, words, type SectionId } from "./words";

export const sectionIcons: Record<SectionId, LucideIcon> = {
  general: SlidersHorizontal, intercepts: Spline, recording: Activity, hidden: ShieldCheck, clusters: Boxes, shortcuts: Keyboard, about: Info,
};

export interface Entry {
  id: string;
  section: SectionId;
  group?: string;
  /** What it is found by, beside the names of its section and group. */
  found: string;
  element: ReactElement;
}

const { groups } = words;
const of = ({ name, help }: { name: string; help: string }, more = "") => `${name} ${help} ${more}`;

export const entries: readonly Entry[] = [
  { id: "theme", section: "general", group: groups.look, found: of(words.theme, "dark light colour"), element: <ThemeSetting /> },
  { id: "language", section: "general", group: groups.look, found: of(words.language), element: <LanguageSetting /> },
  { id: "tray", section: "general", group: groups.window, found: of(words.tray), element: <TraySetting /> },
  { id: "login", section: "general", group: groups.window, found: of(words.login, "autostart launch"), element: <LoginSetting /> },
  { id: "notifications", section: "general", group: groups.window, found: of(words.notifications), element: <NotificationsSetting /> },
  { id: "header", section: "intercepts", group: groups.match, found: of(words.header), element: <HeaderSetting /> },
  { id: "value", section: "intercepts", group: groups.match, found: of(words.value), element: <ValueSetting /> },
  { id: "level", section: "intercepts", group: groups.recording, found: of(words.level, "bodies"), element: <LevelSetting /> },
  { id: "megabytes", section: "recording", group: groups.store, found: of(words.megabytes, "MB size limit retention disk"), element: <MegabytesSetting /> },
  { id: "count", section: "recording", group: groups.store, found: of(words.count, "number limit retention"), element: <CountSetting /> },
  { id: "used", section: "recording", group: groups.store, found: `${words.used.name} ${words.used.delete} clear`, element: <UsedSetting /> },
  { id: "health", section: "recording", group: groups.list, found: of(words.health), element: <HealthSetting /> },
  { id: "always", section: "hidden", found: of(words.covered, "secrets redact"), element: <AlwaysCovered /> },
  { id: "covered", section: "hidden", found: `${words.covered.more} ${words.covered.moreHelp} secrets redact`, element: <CoveredSetting /> },
  { id: "contexts", section: "clusters", found: "contexts PROD production mark", element: <ContextsSetting /> },
  { id: "files", section: "clusters", found: `${words.clusters.filesName} ${words.clusters.files}`, element: <KubeconfigFiles /> },
  { id: "stopAll", section: "shortcuts", found: of(words.stopAll, "global shortcut keys"), element: <StopAllSetting /> },
  ...shortcutGroups.map(({ title, shortcuts }): Entry => ({
    id: `keys-${title}`, section: "shortcuts", group: title, found: shortcuts.map(({ does }) => does).join(" "), element: <ShortcutList title={title} />,
  })),
  { id: "version", section: "about", found: words.about.version, element: <VersionSetting /> },
  { id: "licence", section: "about", found: `${words.about.licence} license`, element: <LicenceSetting /> },
  { id: "owner", section: "about", found: `${words.about.you} ${words.about.youHelp}`, element: <OwnerSetting /> },
  { id: "missing", section: "about", found: words.about.missing, element: <MissingSetting /> },
  { id: "kept", section: "about", found: `${words.about.kept} ${words.about.keptIs.join(" ")} folder`, element: <KeptSetting /> },
  { id: "telemetry", section: "about", found: `${words.about.telemetry} ${words.about.telemetryIs} privacy`, element: <TelemetrySetting /> },
  { id: "diagnostics", section: "about", found: `${words.about.diagnostics} ${words.about.diagnosticsHelp} report bug`, element: <DiagnosticsSetting /> },
];

/** Those that have every word of the query among theirs. */
export function findEntries(query: string): Entry[] {
  const wanted = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return entries.filter(({ section, group = "", found }) => {
    const text = `${sectionNames[section]} ${group} ${found}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
