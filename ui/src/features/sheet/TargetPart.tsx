// What answers on the laptop: a program that listens now, or any address.

import { useState } from "react";
import { Input, RadioGroup } from "react-aria-components";

import type { InterceptView, Listener, TargetCheck } from "../../bindings/wire";
import { Checkbox } from "../../components/Checkbox";
import { Radio } from "../../components/Radio";
import { took } from "../../components/time-words";
import { portOf } from "../../state/wish";
import { FieldError } from "./FieldError";
import type { PartProps } from "./MatchPart";
import { words } from "./words";

interface Props extends PartProps {
  listeners: readonly Listener[];
  intercepts: readonly InterceptView[];
  check: TargetCheck | null;
}

const other = "other";

export function TargetPart({ wish, onWish, error, isDisabled, listeners, intercepts, check }: Props) {
  const isPlainPort = /^:?\d+$/.test(wish.target);
  const known = isPlainPort ? listeners.find(({ port }) => port === portOf(wish.target)) : undefined;
  const [isTyping, setIsTyping] = useState(false);
  const chosen = known && !isTyping ? String(known.port) : wish.target === "" && !isTyping && listeners.length > 0 ? null : other;
  const users = (port: number) => intercepts.find((each) => each.phase.phase !== "closed" && portOf(each.wish.target) === port)?.wish.service;
  return (
    <section className="sheet-part" aria-labelledby="target-title">
      <h3 className="sheet-label" id="target-title">
        {words.target} <span>{listeners.length === 0 ? words.noneListens : words.listening(listeners.length)}</span>
      </h3>
      <RadioGroup
        className="targets" aria-labelledby="target-title" value={chosen} isDisabled={isDisabled}
        onChange={(value) => {
          setIsTyping(value === other);
          if (value !== other) onWish({ target: value });
        }}
      >
        {listeners.map(({ port, program, pid }) => (
          <Radio key={`${port} ${pid}`} value={String(port)}>
            <span className="mono target-port">:{port}</span>
            <span className="target-program">{program} <span className="quiet">pid {pid}</span></span>
            <span className="radio-side">{String(port) === chosen ? <CheckWords check={check} /> : usedWords(users(port))}</span>
          </Radio>
        ))}
        <Radio value={other}>
          <span>{words.another}</span>
          <span className="radio-side">{chosen === other && wish.target !== "" ? <CheckWords check={check} /> : words.anotherHint}</span>
        </Radio>
      </RadioGroup>
      {chosen === other && (
        <Input
          className="input input-mono" aria-label={words.target} placeholder={words.anotherHint} value={wish.target} disabled={isDisabled}
          aria-invalid={error?.field === "target"} onChange={({ target }) => { setIsTyping(true); onWish({ target: target.value.trim() }); }}
        />
      )}
      {wish.target.startsWith("https") && (
        <Checkbox isSelected={wish.acceptAnyCertificate} isDisabled={isDisabled} onChange={(acceptAnyCertificate) => { onWish({ acceptAnyCertificate }); }}>
          {words.certificate}
        </Checkbox>
      )}
      <FieldError error={error} field="target" />
    </section>
  );
}

const usedWords = (service: string | undefined) => (service === undefined ? null : words.usedBy(service));

function CheckWords({ check }: { check: TargetCheck | null }) {
  if (!check) return <span>{words.checking}</span>;
  if (!check.isListening) return <span className="sheet-warn" title={check.why ?? undefined}>{words.silent}</span>;
  return <span className="sheet-ok">{words.answers}, {took(check.tookMs)}</span>;
}
