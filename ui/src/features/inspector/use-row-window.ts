// Which rows of a long list are in sight. All rows have one height, so nothing is measured and a new row costs nothing:
// components for rows of any height keep a record of each, which twenty thousand rows at every frame are too many for.

import { useEffect, useLayoutEffect, useState, type RefObject } from "react";

export const rowHeight = 28;
const spare = 8;

export interface RowWindow {
  first: number;
  last: number;
  perPage: number;
  isAtTop: boolean;
  /** Scrolls so far that a row is in sight. */
  show: (index: number) => void;
}

export function useRowWindow(scroller: RefObject<HTMLElement | null>, length: number): RowWindow {
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(0);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => { setHeight(element.clientHeight); };
    measure();
    const watcher = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(measure);
    watcher?.observe(element);
    return () => watcher?.disconnect();
  }, [scroller]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const hear = () => { setTop(element.scrollTop); };
    element.addEventListener("scroll", hear, { passive: true });
    return () => { element.removeEventListener("scroll", hear); };
  }, [scroller]);

  const show = (index: number) => {
    const element = scroller.current;
    if (!element || index < 0) return;
    const from = index * rowHeight;
    const bottom = element.scrollTop + element.clientHeight;
    if (from < element.scrollTop) element.scrollTo(0, from);
    else if (from + rowHeight > bottom) element.scrollTo(0, from + rowHeight - element.clientHeight);
    setTop(element.scrollTop);
  };

  const perPage = Math.max(1, Math.floor(height / rowHeight) - 1);
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), length) - spare);
  const last = Math.min(length - 1, Math.ceil((top + height) / rowHeight) + spare);
  return { first, last, perPage, isAtTop: top < rowHeight / 2, show };
}
