// The cursor and what is chosen besides it.

import { useCallback, useMemo, useRef, useState, type MouseEvent } from "react";

import { isGap, type RequestList } from "./request-list";

export interface Selected {
  /** The request that is open. */
  cursor: number | null;
  ids: ReadonlySet<number>;
  choose: (id: number | null) => void;
  /** All from the last chosen one to this. */
  extendTo: (id: number, list: RequestList) => void;
  /** A press of the mouse: with Ctrl one more, with Shift all between. */
  press: (id: number, event: MouseEvent) => void;
  chooseAll: (list: RequestList) => void;
}

interface Held {
  cursor: number | null;
  anchor: number | null;
  ids: ReadonlySet<number>;
}

const nothing: Held = { cursor: null, anchor: null, ids: new Set() };

export function useSelected(listNow: () => RequestList): Selected {
  const [held, setHeld] = useState(nothing);
  const list = useRef(listNow);

  const choose = useCallback((id: number | null) => {
    setHeld(id === null ? nothing : { cursor: id, anchor: id, ids: new Set([id]) });
  }, []);

  const extendTo = useCallback((id: number, rows: RequestList) => {
    setHeld(({ anchor }) => ({ cursor: id, anchor: anchor ?? id, ids: between(rows, anchor ?? id, id) }));
  }, []);

  const press = useCallback((id: number, event: MouseEvent) => {
    if (event.shiftKey) extendTo(id, list.current());
    else if (event.ctrlKey || event.metaKey) {
      setHeld(({ ids }) => {
        const next = new Set(ids);
        if (!next.delete(id)) next.add(id);
        return { cursor: next.has(id) ? id : ([...next].at(-1) ?? null), anchor: id, ids: next };
      });
    } else choose(id);
  }, [choose, extendTo]);

  const chooseAll = useCallback((rows: RequestList) => {
    const ids = new Set<number>();
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows.at(index);
      if (row && !isGap(row)) ids.add(row.id);
    }
    setHeld(({ cursor, anchor }) => ({ cursor, anchor, ids }));
  }, []);

  return useMemo(() => ({ cursor: held.cursor, ids: held.ids, choose, extendTo, press, chooseAll }), [held, choose, extendTo, press, chooseAll]);
}

function between(list: RequestList, one: number, other: number): Set<number> {
  const places = [list.indexOf(one), list.indexOf(other)].sort((left, right) => left - right);
  const ids = new Set([other]);
  for (let index = Math.max(0, places[0] ?? 0); index <= (places[1] ?? -1); index += 1) {
    const row = list.at(index);
    if (row && !isGap(row)) ids.add(row.id);
  }
  return ids;
}
