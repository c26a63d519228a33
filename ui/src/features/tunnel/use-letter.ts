import { useEffect } from "react";

import { isTyping } from "../../components/platform";

const isInDialog = ({ target }: KeyboardEvent): boolean => target instanceof Element && target.closest("[role='dialog']") !== null;

/** A letter pressed alone, anywhere but where text is typed. */
export function useLetter(letter: string, act: () => void): void {
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const isAlone = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
      if (isAlone && event.key.toLowerCase() === letter && !isTyping(event) && !isInDialog(event)) act();
    };
    // Before a list takes the letter for a search among its items.
    window.addEventListener("keydown", hear, true);
    return () => { window.removeEventListener("keydown", hear, true); };
  }, [letter, act]);
}
