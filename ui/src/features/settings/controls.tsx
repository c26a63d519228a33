// Controls that save at once.

import { useState } from "react";
import { Input, TextField, ToggleButton, ToggleButtonGroup } from "react-aria-components";

import type { Preferences } from "../../bindings/wire";
import "../../components/button.css";
import "../../components/field.css";
import { Switch } from "../../components/Switch";
import { usePreferences } from "../../state/use-desk";
import { Setting } from "./Setting";
import { useSave } from "./use-save";

type Flag = { [Key in keyof Preferences]: Preferences[Key] extends boolean ? Key : never }[keyof Preferences];

export function FlagSetting({ flag, name, help }: { flag: Flag; name: string; help?: string }) {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <Setting name={name} help={help} error={error}>
      <Switch aria-label={name} isSelected={preferences?.[flag] ?? false} onChange={(isOn) => { save({ [flag]: isOn }); }} />
    </Setting>
  );
}

interface SegmentsProps<Id extends string> {
  label: string;
  options: readonly { id: Id; name: string }[];
  chosen: Id;
  onChoose: (id: Id) => void;
}

export function Segments<Id extends string>({ label, options, chosen, onChoose }: SegmentsProps<Id>) {
  return (
    <ToggleButtonGroup
      className="segments"
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[chosen]}
      onSelectionChange={(keys) => {
        const next = options.find((option) => keys.has(option.id));
        if (next && next.id !== chosen) onChoose(next.id);
      }}
    >
      {options.map(({ id, name }) => <ToggleButton key={id} id={id} className="segment">{name}</ToggleButton>)}
    </ToggleButtonGroup>
  );
}

interface TextProps {
  name: string;
  help?: string;
  label?: string;
  /** As it is now. */
  value: string;
  unit?: string;
  isMono?: boolean;
  isNumber?: boolean;
  problem: (typed: string) => string | null;
  onSave: (typed: string) => void;
  error: ReturnType<typeof useSave>["error"];
}

/** Saved with Enter or on leaving the field; Escape takes back what was typed. What is wrong stays, and says why. */
export function TextSetting({ name, help, label = name, value, unit, isMono = false, isNumber = false, problem, onSave, error }: TextProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const wrong = typed === null ? null : problem(typed);
  const commit = () => {
    if (typed === null || wrong !== null) return;
    setTyped(null);
    if (typed !== value) onSave(typed);
  };
  return (
    <Setting name={name} help={help} error={wrong ?? error}>
      <TextField
        className="setting-field"
        aria-label={label}
        value={typed ?? value}
        isInvalid={wrong !== null}
        onChange={setTyped}
        onBlur={commit}
        onKeyDown={({ key }) => {
          if (key === "Enter") commit();
          if (key === "Escape") setTyped(null);
        }}
      >
        <Input className={`input ${isMono ? "input-mono" : ""} ${isNumber ? "setting-number" : ""}`} inputMode={isNumber ? "numeric" : "text"} spellCheck={false} autoComplete="off" />
        {unit !== undefined && <span className="setting-unit">{unit}</span>}
      </TextField>
    </Setting>
  );
}
