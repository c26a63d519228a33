// The list: one row per request, the newest at the top, only what is in sight drawn. Its keys move the cursor.

import { useLayoutEffect, useRef, type KeyboardEvent, type MouseEvent } from "react";

import { GapRow, RequestRow } from "./RequestRow";
import { isGap } from "./request-list";
import type { FeedView } from "./request-feed";
import type { Selected } from "./use-selected";
import { rowHeight, useRowWindow } from "./use-row-window";
import "./table.css";

interface Props {
  feed: FeedView;
  selected: Selected;
  onTop: (isAtTop: boolean) => void;
  onOlder: () => void;
  onOpen: () => void;
  /** A value on which a menu was asked for. */
  onMenu: (event: MouseEvent, id: number) => void;
}

export const rowId = (id: number) => `request-${id}`;

export function RequestTable({ feed, selected, onTop, onOlder, onOpen, onMenu }: Props) {
  const { list } = feed;
  const scroller = useRef<HTMLDivElement>(null);
  const sight = useRowWindow(scroller, list.length);
  const cursorAt = selected.cursor === null ? -1 : list.indexOf(selected.cursor);

  useLayoutEffect(() => {
    if (sight.last >= list.length - 40 && list.next !== null) onOlder();
  }, [sight.last, list, list.length, list.next, onOlder]);

  useLayoutEffect(() => { onTop(sight.isAtTop); }, [sight.isAtTop, onTop]);

  const keys = (event: KeyboardEvent) => {
    const target = targetOf(event.key, cursorAt, sight.perPage, list.length);
    if (target === null || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Enter" && cursorAt >= 0) onOpen();
      return;
    }
    event.preventDefault();
    const id = nearestRequest(feed, target, target >= cursorAt ? 1 : -1);
    if (id === null) return;
    if (event.shiftKey) selected.extendTo(id, list);
    else selected.choose(id);
    sight.show(list.indexOf(id));
  };

  const rows = [];
  for (let index = sight.first; index <= sight.last; index += 1) {
    const row = list.at(index);
    if (!row) continue;
    if (isGap(row)) rows.push(<GapRow key={`gap-${row.from}-${row.place.intercept}`} gap={row} index={index} />);
    else {
      rows.push(
        <RequestRow
          key={row.id} summary={row} index={index} isChosen={selected.ids.has(row.id)} isCursor={row.id === selected.cursor}
          onPress={selected.press} onMenu={onMenu}
        />,
      );
    }
  }

  return (
    <div
      className="table" role="grid" aria-label="Requests, the newest first" aria-multiselectable aria-rowcount={list.length} tabIndex={0}
      aria-activedescendant={cursorAt >= sight.first && cursorAt <= sight.last && selected.cursor !== null ? rowId(selected.cursor) : undefined}
      onKeyDown={keys}
    >
      <TableHead />
      <div ref={scroller} className="table-scroll" role="rowgroup" data-testid="request-rows">
        <div className="table-all" role="presentation" style={{ height: list.length * rowHeight }}>{rows}</div>
      </div>
    </div>
  );
}

function TableHead() {
  return (
    <div role="rowgroup">
      <div className="table-row table-head" role="row">
        <span role="columnheader">Time</span>
        <span role="columnheader">Method</span>
        <span role="columnheader">Status</span>
        <span role="columnheader">Path</span>
        <span role="columnheader" className="table-service">Service</span>
        <span role="columnheader" className="table-source">From</span>
        <span role="columnheader">Duration</span>
        <span role="columnheader" className="table-size">Size</span>
      </div>
    </div>
  );
}

/** Where a key leads; nothing where it does not move. */
function targetOf(key: string, from: number, page: number, length: number): number | null {
  const last = length - 1;
  const clamp = (index: number) => Math.max(0, Math.min(last, index));
  switch (key) {
    case "ArrowDown": case "j": case "J": return clamp(from + 1);
    case "ArrowUp": case "k": case "K": return clamp(from < 0 ? 0 : from - 1);
    case "PageDown": return clamp(from + page);
    case "PageUp": return clamp(from - page);
    case "Home": return clamp(0);
    case "End": return clamp(last);
    default: return null;
  }
}

/** The request at a place, or the next one past a gap. */
function nearestRequest({ list }: FeedView, from: number, step: number): number | null {
  for (let index = from; index >= 0 && index < list.length; index += step) {
    const row = list.at(index);
    if (row && !isGap(row)) return row.id;
  }
  return null;
}
