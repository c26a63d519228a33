import { Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Button, Input, SearchField } from "react-aria-components";

import { counted } from "../../components/counted";

interface Props {
  count: number;
  value: string;
  onChange: (value: string) => void;
}

/** Narrows the list. `/` goes to it from anywhere in the window, Escape empties it. */
export function FilterField({ count, value, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focusOnSlash = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLInputElement;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", focusOnSlash);
    return () => { window.removeEventListener("keydown", focusOnSlash); };
  }, []);

  const words = count === 0 ? "Filter Services" : `Filter ${counted(count, "Service")}`;
  return (
    <SearchField className="filter" aria-label="Filter Services" value={value} onChange={onChange}>
      <Search className="filter-icon" size={14} strokeWidth={1.5} aria-hidden />
      <Input ref={input} className="filter-input" placeholder={words} />
      {value === "" ? (
        <kbd className="filter-key" aria-hidden>/</kbd>
      ) : (
        <Button className="filter-clear" aria-label="Empty the filter">
          <X size={14} strokeWidth={1.5} aria-hidden />
        </Button>
      )}
    </SearchField>
  );
}
