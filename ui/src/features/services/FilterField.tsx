import { Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Button, Input, SearchField } from "react-aria-components";

import { isTyping } from "../../components/platform";
import { filterWords, words } from "./words";

interface Props {
  count: number;
  value: string;
  onChange: (value: string) => void;
  /** Arrow down goes on into the list. */
  onLeave: () => void;
}

/** Narrows the list. `/` goes to it from anywhere on the screen, Escape empties it. */
export function FilterField({ count, value, onChange, onLeave }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focusOnSlash = (event: KeyboardEvent) => {
      if (event.key !== "/" || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", focusOnSlash);
    return () => { window.removeEventListener("keydown", focusOnSlash); };
  }, []);

  return (
    <SearchField className="services-filter" aria-label={words.filter} value={value} onChange={onChange}>
      <Search className="services-filter-icon" size={14} strokeWidth={1.5} aria-hidden />
      <Input
        ref={input}
        className="input services-filter-input"
        placeholder={filterWords(count)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          onLeave();
        }}
      />
      {value === "" ? (
        <kbd className="key services-filter-key" aria-hidden>/</kbd>
      ) : (
        <Button className="services-filter-clear" aria-label={words.emptyFilter}><X size={14} strokeWidth={1.5} aria-hidden /></Button>
      )}
    </SearchField>
  );
}
