// What the sheet begins with.

import { usePreferences } from "../../state/use-desk";
import { headerProblem, valueProblem } from "./checks";
import { Segments, TextSetting } from "./controls";
import { Setting } from "./Setting";
import { useSave } from "./use-save";
import { levelNames, words } from "./words";

export function HeaderSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <TextSetting
      {...words.header}
      isMono
      value={preferences?.defaultHeader ?? ""}
      problem={headerProblem}
      onSave={(defaultHeader) => { save({ defaultHeader }); }}
      error={error}
    />
  );
}

export function ValueSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <TextSetting
      {...words.value}
      isMono
      value={preferences?.defaultValue ?? ""}
      problem={valueProblem}
      onSave={(defaultValue) => { save({ defaultValue }); }}
      error={error}
    />
  );
}

const levels = (["bodies", "heads", "nothing"] as const).map((id) => ({ id, name: levelNames[id] }));

export function LevelSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <Setting name={words.level.name} help={words.level.help} error={error}>
      <Segments label={words.level.name} options={levels} chosen={preferences?.recording ?? "bodies"} onChoose={(recording) => { save({ recording }); }} />
    </Setting>
  );
}
