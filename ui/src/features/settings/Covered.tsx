import { X } from "lucide-react";
import { useRef, useState } from "react";
import { Form, Input, TextField } from "react-aria-components";

import { Button } from "../../components/Button";
import { usePreferences } from "../../state/use-desk";
import { coveredProblem } from "./checks";
import { Setting } from "./Setting";
import { useSave } from "./use-save";
import { words } from "./words";

const text = words.covered;

export const AlwaysCovered = () => <Setting name={text.name} help={text.help} isWide />;

export function CoveredSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const covered = preferences?.coveredHeaders ?? [];

  const add = () => {
    const problem = coveredProblem(typed.trim(), covered);
    setWrong(problem);
    if (problem !== null) return;
    save({ coveredHeaders: [...covered, typed.trim()] });
    setTyped("");
  };
  const remove = (name: string) => {
    save({ coveredHeaders: covered.filter((one) => one !== name) });
    field.current?.focus();
  };

  return (
    <Setting name={text.more} help={text.moreHelp} error={wrong ?? error} isWide>
      <ul className="covered" aria-label={text.more}>
        {covered.length === 0 && <li className="setting-help">{text.none}</li>}
        {covered.map((name) => (
          <li key={name} className="covered-name">
            <span className="mono selectable">{name}</span>
            <Button look="quiet" aria-label={text.remove(name)} onPress={() => { remove(name); }}><X size={14} strokeWidth={1.5} aria-hidden /></Button>
          </li>
        ))}
      </ul>
      <Form className="covered-add" onSubmit={(event) => { event.preventDefault(); add(); }}>
        <TextField aria-label={text.label} value={typed} isInvalid={wrong !== null} onChange={(next) => { setTyped(next); setWrong(null); }}>
          <Input ref={field} className="input input-mono" placeholder="X-Customer-Id" spellCheck={false} autoComplete="off" />
        </TextField>
        <Button type="submit" isDisabled={typed.trim() === ""}>{text.add}</Button>
      </Form>
    </Setting>
  );
}
