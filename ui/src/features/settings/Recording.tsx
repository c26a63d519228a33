import { useCallback, useState } from "react";
import { Meter } from "react-aria-components";

import type { StoreUsage } from "../../bindings/wire";
import { useAct } from "../../bridge/use-act";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { usePreferences } from "../../state/use-desk";
import { limits, rangeProblem } from "./checks";
import { FlagSetting, TextSetting } from "./controls";
import { Setting } from "./Setting";
import { useSave } from "./use-save";
import { words } from "./words";

const mebibyte = 1_048_576;
const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** As people type it: with or without separators. */
const read = (typed: string): number => (/^[\d., ]+$/.test(typed) ? Number(typed.replace(/[., ]/g, "")) : Number.NaN);

export function MegabytesSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <TextSetting
      {...words.megabytes}
      isNumber
      value={digits.format((preferences?.keptBytes ?? 0) / mebibyte)}
      problem={(typed) => rangeProblem(read(typed), limits.megabytes)}
      onSave={(typed) => { save({ keptBytes: read(typed) * mebibyte }); }}
      error={error}
    />
  );
}

export function CountSetting() {
  const [preferences] = usePreferences();
  const { save, error } = useSave();
  return (
    <TextSetting
      {...words.count}
      isNumber
      value={digits.format(preferences?.keptRequests ?? 0)}
      problem={(typed) => rangeProblem(read(typed), limits.count)}
      onSave={(typed) => { save({ keptRequests: read(typed) }); }}
      error={error}
    />
  );
}

const text = words.used;

export function UsedSetting() {
  const bridge = useBridge();
  const { answer, isAsking, askAgain } = useAnswer(useCallback(() => bridge.ask("requests_usage", {}), [bridge]));
  const [deleted, setDeleted] = useState<number | null>(null);
  if (answer.state === "asking") return <Setting name={text.name} help={`${text.reading}…`} />;
  if (answer.state === "refused") {
    return <Setting name={text.name} error={answer.error}><LookAgain isAsking={isAsking} onLookAgain={askAgain} /></Setting>;
  }
  const usage = answer.value;
  const help = [text.is(usage.count), ...(deleted === null ? [] : [text.deleted(deleted)]), ...(usage.isPaused ? [text.paused] : [])].join(". ");
  return <Used usage={usage} help={help} onDeleted={(count) => { setDeleted(count); askAgain(); }} />;
}

function Used({ usage, help, onDeleted }: { usage: StoreUsage; help: string; onDeleted: (count: number) => void }) {
  const bridge = useBridge();
  const [isSure, setSure] = useState(false);
  const act = useAct(
    () => bridge.ask("delete_requests", { selection: { kind: "filter", filter: "" } }),
    (count) => { setSure(false); onDeleted(count); },
  );
  if (isSure) {
    return (
      <Setting name={text.ask(usage.count)} error={act.error}>
        <Button autoFocus onPress={() => { setSure(false); }} isDisabled={act.isUnderway}>{text.cancel}</Button>
        <Button look="danger" onPress={act.begin} isDisabled={act.isUnderway}>{text.confirm}</Button>
      </Setting>
    );
  }
  const used = text.of(digits.format(usage.bytes / mebibyte), digits.format(usage.mostBytes / mebibyte));
  return (
    <Setting name={text.name} help={help}>
      <Meter className="meter" aria-label={text.meter} value={usage.bytes} maxValue={Math.max(1, usage.mostBytes)} valueLabel={used}>
        {({ percentage }) => (
          <>
            <span>{used}</span>
            <svg className="meter-bar" viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden>
              <rect className="meter-fill" width={percentage} height="5" />
            </svg>
          </>
        )}
      </Meter>
      <Button onPress={() => { setSure(true); }} isDisabled={usage.count === 0}>{text.delete}</Button>
    </Setting>
  );
}

export const HealthSetting = () => <FlagSetting flag="hidesHealthChecks" name={words.health.name} help={words.health.help} />;
