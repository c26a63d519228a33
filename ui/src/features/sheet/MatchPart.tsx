// Which requests come to the laptop.

import { Input, ToggleButton, ToggleButtonGroup } from "react-aria-components";

import type { CommandError, InterceptWish, MarkWish } from "../../bindings/wire";
import { FieldError } from "./FieldError";
import { words } from "./words";

export interface PartProps {
  wish: InterceptWish;
  onWish: (change: Partial<InterceptWish>) => void;
  error: CommandError | null;
  isDisabled: boolean;
}

const kinds = ["header", "baggage", "all"] as const;
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function markOf(kind: MarkWish["kind"], before: MarkWish, header: { name: string; value: string | null }): MarkWish {
  if (kind === before.kind) return before;
  switch (kind) {
    case "header":
      return { kind, ...header };
    case "baggage":
      return { kind, key: "intercept", value: header.value };
    case "all":
      return { kind };
  }
}

export function MatchPart({ wish, onWish, error, isDisabled, header }: PartProps & { header: { name: string; value: string | null } }) {
  const { mark, pathPrefix } = wish;
  return (
    <section className="sheet-part" aria-labelledby="match-title">
      <h3 className="sheet-label" id="match-title">{words.match} <span>{words.matchHint}</span></h3>
      <ToggleButtonGroup
        className="segments" aria-label={words.match} selectionMode="single" disallowEmptySelection isDisabled={isDisabled}
        selectedKeys={[mark.kind]}
        onSelectionChange={(keys) => {
          const kind = kinds.find((each) => keys.has(each));
          if (kind) onWish({ mark: markOf(kind, mark, header) });
        }}
      >
        {kinds.map((kind) => <ToggleButton key={kind} id={kind} className="segment">{words.marks[kind]}</ToggleButton>)}
      </ToggleButtonGroup>
      <MarkFields mark={mark} onMark={(next) => { onWish({ mark: next }); }} isInvalid={error?.field === "mark"} isDisabled={isDisabled} />
      <FieldError error={error} field="mark" />
      <div className="narrow">
        <Input
          className="input input-mono" aria-label={words.pathPrefix} placeholder={words.anyPath} value={pathPrefix ?? ""} disabled={isDisabled}
          aria-invalid={error?.field === "pathPrefix"}
          onChange={({ target }) => { onWish({ pathPrefix: target.value === "" ? null : target.value }); }}
        />
        <Methods wish={wish} onWish={onWish} isDisabled={isDisabled} />
      </div>
      <FieldError error={error} field="pathPrefix" />
      <FieldError error={error} field="methods" />
    </section>
  );
}

function Methods({ wish, onWish, isDisabled }: Omit<PartProps, "error">) {
  const offered = [...methods, ...wish.methods.filter((each) => !methods.includes(each))];
  return (
    <ToggleButtonGroup
      className="methods" aria-label={words.methods} selectionMode="multiple" selectedKeys={wish.methods} isDisabled={isDisabled}
      onSelectionChange={(keys) => { onWish({ methods: offered.filter((each) => keys.has(each)) }); }}
    >
      {offered.map((method) => <ToggleButton key={method} id={method} className="sheet-method mono">{method}</ToggleButton>)}
    </ToggleButtonGroup>
  );
}

interface MarkProps {
  mark: MarkWish;
  onMark: (mark: MarkWish) => void;
  isInvalid: boolean;
  isDisabled: boolean;
}

function MarkFields({ mark, onMark, isInvalid, isDisabled }: MarkProps) {
  if (mark.kind === "all") return <p className="sheet-hint">{words.allHint}</p>;
  const isHeader = mark.kind === "header";
  const name = isHeader ? mark.name : mark.key;
  const change = (nextName: string, text: string) => {
    const value = text === "" ? null : text;
    onMark(isHeader ? { kind: "header", name: nextName, value } : { kind: "baggage", key: nextName, value });
  };
  return (
    <div className="mark">
      <Input
        className="input input-mono" aria-label={isHeader ? words.headerName : words.baggageKey} value={name} disabled={isDisabled}
        aria-invalid={isInvalid} onChange={({ target }) => { change(target.value, mark.value ?? ""); }}
      />
      <span aria-hidden>{isHeader ? ":" : "="}</span>
      <Input
        className="input input-mono" aria-label={isHeader ? words.headerValue : words.baggageValue} value={mark.value ?? ""}
        placeholder={words.anyValue} disabled={isDisabled} onChange={({ target }) => { change(name, target.value); }}
      />
    </div>
  );
}
