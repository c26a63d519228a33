// The list of Services as a grid. Only lines in sight are drawn. The row in use is walked with the arrow keys; its star, port
// and switch are reached with Tab.

import { useEffect, useMemo, useRef, type KeyboardEvent, type Ref } from "react";

import type { Listener } from "../../bindings/wire";
import { counted } from "../../components/counted";
import { useNow } from "../../components/use-now";
import { useRowWindow } from "../../components/use-row-window";
import type { Line, ServiceLine } from "./rows";
import { ServiceRow, type RowActs } from "./ServiceRow";
import { rowWords, words } from "./words";

interface Props {
  lines: readonly Line[];
  active: string | null;
  onActive: (id: string) => void;
  targetOf: (line: ServiceLine) => string;
  listeners: readonly Listener[];
  acts: RowActs;
  onOpen: (line: ServiceLine) => void;
  ref?: Ref<HTMLDivElement>;
}

// --row of tokens.css: places are known before any style is.
const rowHeight = 28;
const mineHeight = 48;

const heightOf = (line: Line) => (line.kind === "service" && line.mine ? mineHeight : rowHeight);

export function ServiceList({ lines, active, onActive, targetOf, listeners, acts, onOpen, ref }: Props) {
  const tops = useMemo(() => {
    const found = [0];
    for (const line of lines) found.push((found.at(-1) ?? 0) + heightOf(line));
    return found;
  }, [lines]);
  const { list: scroller, first, end, reveal } = useRowWindow(tops);
  const now = useNow();
  const at = lines.findIndex((line) => line.kind === "service" && line.id === active);
  const entry = at >= 0 ? at : lines.findIndex((line) => line.kind === "service");
  const goal = useFocusAfterMove(scroller);

  const walk = (event: KeyboardEvent) => {
    const next = stepTo(event, lines, entry, scroller.current?.clientHeight ?? 0);
    const line = next === null ? undefined : lines[next];
    if (next === null || line?.kind !== "service") return;
    event.preventDefault();
    reveal(next);
    goal(line.id);
    onActive(line.id);
  };
  const keys = (event: KeyboardEvent) => {
    const line = lines[at];
    const isOnRow = event.target instanceof HTMLElement && event.target.getAttribute("role") === "row";
    if (!isOnRow) return;
    walk(event);
    if (line?.kind !== "service" || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { Enter: () => { onOpen(line); }, " ": () => { acts.onSwitch(line); }, f: () => { acts.onStar(line); } }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  // A press also moves the focus. What that opened would push the list aside before the release: a press counts where it ends.
  const isPressing = useRef(false);
  const notePress = () => {
    isPressing.current = true;
    window.setTimeout(() => { isPressing.current = false; });
  };

  const isSeen = entry >= first && entry < end;
  return (
    <div className="grid" role="grid" aria-label={words.list} aria-rowcount={lines.length + 1} aria-colcount={7} ref={ref}>
      <Head />
      <div className="grid-scroll" role="rowgroup" ref={scroller} onKeyDown={keys} onMouseDownCapture={notePress} tabIndex={isSeen ? -1 : 0}>
        <div role="presentation" style={{ height: tops.at(-1) }}>
          {lines.slice(first, end).map((line, offset) => {
            const index = first + offset;
            const place = { transform: `translateY(${tops[index] ?? 0}px)`, height: heightOf(line) };
            if (line.kind === "head") return <HeadRow key={`head ${line.id}`} title={line.title} count={line.count} index={index} place={place} />;
            const isActive = line.id === active;
            return (
              <div
                key={line.id} data-id={line.id} role="row" aria-rowindex={index + 2} aria-selected={isActive}
                aria-label={rowWords(line.service)}
                className={line.mine ? "row row-mine" : "row"} style={place} tabIndex={index === entry ? 0 : -1}
                onFocus={() => { if (!isActive && !isPressing.current) onActive(line.id); }}
                onClick={() => { onActive(line.id); }}
                onDoubleClick={() => { onOpen(line); }}
              >
                <ServiceRow line={line} target={targetOf(line)} listeners={listeners} isActive={isActive} now={now} acts={acts} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The row walked to may be drawn only after scrolling: the focus follows it there. */
function useFocusAfterMove(scroller: React.RefObject<HTMLDivElement | null>): (id: string) => void {
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (wanted.current === null) return;
    const row = [...(scroller.current?.querySelectorAll<HTMLElement>("[data-id]") ?? [])].find((each) => each.dataset.id === wanted.current);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });
  return (id) => { wanted.current = id; };
}

/** Where a key leads to; nothing where it is none that moves. */
function stepTo({ key }: KeyboardEvent, lines: readonly Line[], from: number, height: number): number | null {
  const page = Math.max(1, Math.floor(height / rowHeight) - 1);
  const moves: Record<string, [number, 1 | -1]> = {
    ArrowDown: [from + 1, 1], ArrowUp: [from - 1, -1], j: [from + 1, 1], k: [from - 1, -1],
    PageDown: [Math.min(from + page, lines.length - 1), -1], PageUp: [Math.max(from - page, 0), 1],
    Home: [0, 1], End: [lines.length - 1, -1],
  };
  const move = moves[key];
  if (!move) return null;
  const [start, step] = move;
  for (let index = start; index >= 0 && index < lines.length; index += step) if (lines[index]?.kind === "service") return index;
  return null;
}

const HeadRow = ({ title, count, index, place }: { title: string; count: number; index: number; place: React.CSSProperties }) => (
  <div role="row" aria-rowindex={index + 2} className="row row-head" style={place}>
    <div role="gridcell" aria-colspan={7} className="row-head-words">
      {title} <span className="row-head-count">{counted(count, "Service")}</span>
    </div>
  </div>
);

function Head() {
  const { star, name, ports, ready, intercept, port, switch: flip } = words.columns;
  return (
    <div role="rowgroup">
      <div role="row" aria-rowindex={1} className="row grid-head">
        <div role="columnheader"><span className="visually-hidden">{star}</span></div>
        <div role="columnheader">{name}</div>
        <div role="columnheader">{ports}</div>
        <div role="columnheader" className="cell-number">{ready}</div>
        <div role="columnheader" className="cell-state">{intercept}</div>
        <div role="columnheader" className="cell-port">{port}</div>
        <div role="columnheader"><span className="visually-hidden">{flip}</span></div>
      </div>
    </div>
  );
}
