// Which lines of a long list stand in sight. Heights are known beforehand, so nothing is measured but the list itself.

import { useEffect, useRef, useState, type RefObject } from "react";

export interface RowWindow {
  /** For the element that scrolls. */
  list: RefObject<HTMLDivElement | null>;
  first: number;
  /** One after the last. */
  end: number;
  reveal: (index: number) => void;
}

const overscan = 8;

/** `tops` has where each line begins, and where the last one ends. */
export function useRowWindow(tops: readonly number[]): RowWindow {
  const list = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 760 });

  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const look = () => {
      const { scrollTop: top, clientHeight: height } = element;
      setView((before) => (before.top === top && before.height === height ? before : { top, height }));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, []);

  const reveal = (index: number) => {
    const element = list.current;
    const top = tops[index];
    const bottom = tops[index + 1];
    if (!element || top === undefined || bottom === undefined) return;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  };

  const count = tops.length - 1;
  const total = tops.at(-1) ?? 0;
  // A list that has become shorter is scrolled back by the browser a moment later.
  const top = Math.min(view.top, Math.max(0, total - view.height));
  const first = Math.max(0, lineAt(tops, top) - overscan);
  const end = Math.min(count, lineAt(tops, top + view.height) + 1 + overscan);
  return { list, first, end, reveal };
}

/** The line that stands at a height. */
export function lineAt(tops: readonly number[], height: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
