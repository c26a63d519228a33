// The field of the filter: what is typed in coloured pieces, completion, the place of an error, the count, history.
// A plain text field carries it all, so that every key, selection and input method works; the colours lie behind it.

import { CircleX, Filter, LoaderCircle } from "lucide-react";
import { useId, useRef, useState, type KeyboardEvent, type Ref } from "react";

import type { CommandError, RequestCount } from "../../bindings/wire";
import { completionsAt, tokensOf, type Completions } from "./filter-language";
import "./filter.css";

interface Props {
  value: string;
  onChange: (value: string) => void;
  isOff: boolean;
  onToggleOff: () => void;
  error: CommandError | null;
  isAsking: boolean;
  count: RequestCount | null;
  /** Filters that were used, the newest first. */
  history: readonly string[];
  /** The filter is meant: remember it. */
  onDone: (value: string) => void;
  /** Leaves the field for the list. */
  onLeave: () => void;
  seen: Readonly<Record<string, readonly string[]>>;
  inputRef: Ref<HTMLInputElement>;
}

const digits = new Intl.NumberFormat("en");

export function FilterField(props: Props) {
  const { value, error, isOff, isAsking, count, inputRef } = props;
  const ids = useId();
  const pieces = useRef<HTMLDivElement>(null);
  const field = useCompletion(props);
  const active = field.isOpen && field.active >= 0 ? `${ids}-${field.active}` : undefined;

  return (
    <div className="finder">
      <div className="finder-field" data-bad={error !== null || undefined} data-off={isOff || undefined}>
        <Filter size={16} strokeWidth={1.5} aria-hidden className="finder-icon" />
        <div className="finder-text">
          <div ref={pieces} className="finder-pieces" aria-hidden><Pieces value={value} error={error} /></div>
          <input
            ref={inputRef} className="finder-input" type="text" role="combobox" aria-label="Filter requests" aria-expanded={field.isOpen}
            aria-controls={`${ids}-list`} aria-autocomplete="list" aria-activedescendant={active} aria-invalid={error !== null}
            aria-describedby={error ? `${ids}-error` : undefined} spellCheck={false} autoComplete="off" autoCapitalize="off"
            placeholder="status: slow: body: or any text" maxLength={4096} value={value}
            onChange={(event) => { field.type(event.target.value, event.target.selectionStart ?? event.target.value.length); }}
            onKeyDown={field.keys} onBlur={field.close}
            onScroll={(event) => { if (pieces.current) pieces.current.scrollLeft = event.currentTarget.scrollLeft; }}
          />
        </div>
        <span className="finder-count" role="status">
          {error ? <span className="finder-bad">not applied</span> : <Count count={count} isAsking={isAsking} isOff={isOff} />}
        </span>
        <button
          type="button" className="key finder-key" aria-pressed={isOff} aria-label={isOff ? "Switch the filter on" : "Switch the filter off"}
          onClick={props.onToggleOff}
        >F</button>
      </div>
      {field.isOpen && (
        <ul id={`${ids}-list`} className="finder-options" role="listbox" aria-label="Completions">
          {field.completions.options.map(({ insert, meaning }, index) => (
            <li
              key={insert} id={`${ids}-${index}`} role="option" aria-selected={index === field.active} className="finder-option"
              onMouseDown={(event) => { event.preventDefault(); field.accept(index); }}
            >
              <span className="mono">{insert.trim()}</span>
              <span className="finder-meaning">{meaning}</span>
            </li>
          ))}
        </ul>
      )}
      {error && (
        <p id={`${ids}-error`} className="finder-error" role="alert">
          <CircleX size={14} strokeWidth={1.5} aria-hidden className="finder-bad" />
          <span className="finder-why">{error.message} {error.hint}</span>
          <span className="finder-before">The list is as before.</span>
        </p>
      )}
    </div>
  );
}

function Count({ count, isAsking, isOff }: { count: RequestCount | null; isAsking: boolean; isOff: boolean }) {
  return (
    <>
      {isAsking && <LoaderCircle className="finder-spin" size={14} strokeWidth={1.5} role="img" aria-label="Searching" />}
      {isOff && <span className="finder-off">off</span>}
      {count && `${digits.format(count.found)} of ${digits.format(count.all)}`}
    </>
  );
}

/** The text once more in pieces, each exactly as wide as what is typed. */
function Pieces({ value, error }: { value: string; error: CommandError | null }) {
  const spot = error?.spot ?? null;
  const parts = [];
  let at = 0;
  for (const token of tokensOf(value)) {
    if (token.at > at) parts.push(<span key={at}>{value.slice(at, token.at)}</span>);
    const isWrong = spot !== null && token.at < spot.at + Math.max(1, spot.length) && token.at + token.text.length > spot.at;
    parts.push(<span key={token.at} className={`piece piece-${token.kind}`} data-wrong={isWrong || undefined}>{token.text}</span>);
    at = token.at + token.text.length;
  }
  if (spot !== null && spot.at >= at) parts.push(<span key="end" className="piece-end" data-wrong> </span>);
  return parts;
}

interface Completing {
  isOpen: boolean;
  active: number;
  completions: Completions;
  type: (value: string, caret: number) => void;
  keys: (event: KeyboardEvent<HTMLInputElement>) => void;
  accept: (index: number) => void;
  close: () => void;
}

const closed: Completions = { from: 0, to: 0, options: [] };

function useCompletion({ value, onChange, history, onDone, onLeave, seen }: Props): Completing {
  const [completions, setCompletions] = useState(closed);
  const [active, setActive] = useState(-1);
  const [past, setPast] = useState(-1);
  const isOpen = completions.options.length > 0;
  const close = () => { setCompletions(closed); setActive(-1); };
  const offer = (text: string, caret: number) => {
    setCompletions(text.trim() === "" ? closed : completionsAt(text, caret, seen));
    setActive(-1);
  };
  const type = (text: string, caret: number) => {
    setPast(-1);
    onChange(text);
    offer(text, caret);
  };
  const accept = (index: number) => {
    const option = completions.options[index];
    if (!option) return;
    const text = value.slice(0, completions.from) + option.insert + value.slice(completions.to);
    onChange(text);
    if (option.insert.endsWith(" ")) close();
    else offer(text, completions.from + option.insert.length);
  };
  const recall = (step: number) => {
    const next = Math.max(-1, Math.min(history.length - 1, past + step));
    setPast(next);
    onChange(history[next] ?? "");
    close();
  };
  const keys = (event: KeyboardEvent<HTMLInputElement>) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
    if (move !== 0) {
      event.preventDefault();
      const count = completions.options.length;
      if (isOpen && (active >= 0 || move > 0)) setActive((active + move + count + 1) % (count + 1) === count ? -1 : (active + move + count) % count);
      else if (move < 0) recall(1);
      else if (past >= 0) recall(-1);
      else setCompletions(completionsAt(value, event.currentTarget.selectionStart ?? value.length, seen));
    } else if (event.key === "Enter" || (event.key === "Tab" && isOpen && active >= 0)) {
      event.preventDefault();
      if (active >= 0) accept(active);
      else {
        close();
        onDone(value);
      }
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (isOpen) close();
      else onLeave();
    }
  };
  return { isOpen, active, completions, type, keys, accept, close };
}
