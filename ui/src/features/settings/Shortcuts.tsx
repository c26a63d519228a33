import { useRef, useState } from "react";

import { Button } from "../../components/Button";
import { usePreferences } from "../../state/use-desk";
import { keyCaps, pressed } from "./keys";
import { Setting } from "./Setting";
import { useSave } from "./use-save";
import { shortcutGroups, words } from "./words";

const text = words.stopAll;

export function Keys({ keys }: { keys: string }) {
  return <span className="keycaps">{keyCaps(keys).map((cap) => <kbd key={cap} className="key">{cap}</kbd>)}</span>;
}

export function StopAllSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  const [isRecording, setRecording] = useState(false);
  const [isWeak, setWeak] = useState(false);
  const now = preferences?.stopAllShortcut ?? "";

  const hear = (event: React.KeyboardEvent) => {
    if (event.key === "Tab") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") { setRecording(false); return; }
    const what = pressed(event);
    setWeak(what.kind === "weak");
    if (what.kind !== "keys") return;
    setRecording(false);
    save({ stopAllShortcut: what.keys });
  };

  return (
    <Setting name={text.name} help={text.help} error={isWeak && isRecording ? text.weak : error}>
      {isRecording ? <Recorder onKeys={hear} onEnd={() => { setRecording(false); }} /> : (
        <>
          {now === "" ? <span className="setting-help">{text.none}</span> : <Keys keys={now} />}
          {now !== "" && <Button look="quiet" onPress={() => { save({ stopAllShortcut: "" }); }}>{text.remove}</Button>}
          <Button onPress={() => { setWeak(false); setRecording(true); }}>{text.record}</Button>
        </>
      )}
    </Setting>
  );
}

/** Takes every key while it has the focus, Tab apart, so that nobody is caught in it. */
function Recorder({ onKeys, onEnd }: { onKeys: (event: React.KeyboardEvent) => void; onEnd: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  return (
    <div
      ref={(element) => { place.current = element; element?.focus(); }}
      className="recorder"
      role="textbox"
      aria-readonly
      aria-label={text.recording}
      tabIndex={0}
      onKeyDown={onKeys}
      onBlur={onEnd}
    >
      {text.recording}
    </div>
  );
}

export function ShortcutList({ title }: { title: string }) {
  const group = shortcutGroups.find((one) => one.title === title);
  return (
    <dl className="shortcuts" aria-label={title}>
      {group?.shortcuts.map(({ keys, does }) => (
        <div key={does} className="shortcuts-row">
          <dt>{does}</dt>
          <dd>{keys.map((each) => <Keys key={each} keys={each} />)}</dd>
        </div>
      ))}
    </dl>
  );
}
