// The filter as it is typed, whether it is switched off, and what was used before.

import { useCallback, useMemo, useState } from "react";

import { withTerm } from "./filter-language";

const key = "inspector.filters";
const mostKept = 30;

export interface FilterState {
  value: string;
  set: (value: string) => void;
  isOff: boolean;
  toggleOff: () => void;
  /** One more term. */
  add: (term: string) => void;
  /** The newest first. */
  history: readonly string[];
  remember: (value: string) => void;
}

function readHistory(): string[] {
  try {
    const read: unknown = JSON.parse(window.localStorage.getItem(key) ?? "[]");
    return Array.isArray(read) ? read.filter((one): one is string => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export function useFilter(saved: readonly string[]): FilterState {
  const [value, setValue] = useState("");
  const [isOff, setOff] = useState(false);
  const [used, setUsed] = useState(readHistory);

  const set = useCallback((next: string) => {
    setValue(next);
    setOff(false);
  }, []);
  const toggleOff = useCallback(() => { setOff((before) => !before); }, []);
  const add = useCallback((term: string) => {
    setValue((before) => withTerm(before, term));
    setOff(false);
  }, []);
  const remember = useCallback((filter: string) => {
    const text = filter.trim();
    if (text === "") return;
    setUsed((before) => {
      const next = [text, ...before.filter((one) => one !== text)].slice(0, mostKept);
      window.localStorage.setItem(key, JSON.stringify(next));
      return next;
    });
  }, []);
  const history = useMemo(() => [...new Set([...used, ...saved])], [used, saved]);
  return useMemo(() => ({ value, set, isOff, toggleOff, add, history, remember }), [value, set, isOff, toggleOff, add, history, remember]);
}
