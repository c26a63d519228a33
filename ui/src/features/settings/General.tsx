import { usePreferences, useProgram } from "../../state/use-desk";
import { FlagSetting, Segments } from "./controls";
import { Setting } from "./Setting";
import { useSave } from "./use-save";
import { themeNames, words } from "./words";

const themes = (["system", "light", "dark"] as const).map((id) => ({ id, name: themeNames[id] }));

export function ThemeSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <Setting name={words.theme.name} help={words.theme.help} error={error}>
      <Segments label={words.theme.label} options={themes} chosen={preferences?.theme ?? "system"} onChoose={(theme) => { save({ theme }); }} />
    </Setting>
  );
}

export function LanguageSetting() {
  return <Setting name={words.language.name} help={words.language.help}>{words.language.only}</Setting>;
}

export function TraySetting() {
  const hasTray = useProgram()?.hasTray ?? true;
  const help = hasTray ? words.tray.help : `${words.tray.help} ${words.tray.noTray}`;
  return <FlagSetting flag="closesToTray" name={words.tray.name} help={help} />;
}

export const LoginSetting = () => <FlagSetting flag="startsAtLogin" name={words.login.name} help={words.login.help} />;
export const NotificationsSetting = () => (
  <FlagSetting flag="notifies" name={words.notifications.name} help={words.notifications.help} />
);
