// Two answers beside each other: what differs at the left, both sides at the right.

import { ArrowLeft, Laptop, RotateCcw, Server } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { ListBox, ListBoxItem } from "react-aria-components";

import type { Difference, RequestDetail } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { Waiting } from "../../components/Waiting";
import type { Comparison } from "./acts";
import { bodyText } from "./body-text";
import { paired, pairedLines, pathsOfLines, type Pairing } from "./compare-lines";
import { useDetail } from "./Detail";
import { clockTime, durationWords, methodClass, size } from "./format";
import { statusWords } from "./words";
import "./compare.css";

interface Props {
  comparison: Comparison;
  onClose: () => void;
  onAgain: () => void;
}

interface Change {
  id: string;
  group: string;
  name: string;
  left: string;
  right: string;
  /** The lines where it stands, by side. */
  lines: { left: number | null; right: number | null };
}

export function CompareView({ comparison, onClose, onAgain }: Props) {
  const left = useDetail(comparison.left, null, false);
  const right = useDetail(comparison.right, null, false);
  if (left.state === "refused" || right.state === "refused") {
    return <div className="compare-void"><p>One of both is no longer kept.</p><Button onPress={onClose}>Back</Button></div>;
  }
  if (left.state === "asking" || right.state === "asking") return <Waiting words="Reading both" rows={10} />;
  return <Compared comparison={comparison} left={left.value} right={right.value} onClose={onClose} onAgain={onAgain} />;
}

function Compared({ comparison, left, right, onClose, onAgain }: Props & { left: RequestDetail; right: RequestDetail }) {
  const { difference, names } = comparison;
  const changes = useMemo(() => changesOf(difference, left, right), [difference, left, right]);
  const rows = useMemo(() => rowsOf(difference, left, right), [difference, left, right]);
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = changes.find(({ id }) => id === chosen) ?? null;
  const setAside = difference.headers.filter(({ isSetAside }) => isSetAside).map(({ name }) => name);
  const step = (by: number) => {
    const at = changes.findIndex(({ id }) => id === chosen);
    setChosen(changes[(at + by + changes.length) % Math.max(1, changes.length)]?.id ?? null);
  };
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => { root.current?.focus(); }, []);
  const isBoth = names[0] === "Laptop";

  return (
    <div
      className="compare" ref={root} tabIndex={-1} role="region" aria-label="Comparison"
      onKeyDown={(event) => {
        if (event.key === "Escape") { event.stopPropagation(); onClose(); }
        if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey) step(event.shiftKey ? -1 : 1);
        if (event.key.toLowerCase() === "d" && isBoth) { event.stopPropagation(); onAgain(); }
      }}
    >
      <header className="bar">
        <Button look="quiet" aria-label="Back to the list" onPress={onClose}><ArrowLeft size={16} strokeWidth={1.5} aria-hidden /></Button>
        <span className={`http-method http-method-${methodClass(left.summary.method)}`}>{left.summary.method}</span>
        <h2 className="detail-url">{left.summary.target}</h2>
        <span className="bar-quiet">{clockTime(left.summary.began)}, {left.summary.place.service}</span>
        {isBoth && <Button onPress={onAgain}><RotateCcw size={14} strokeWidth={1.5} aria-hidden />Send to both again <kbd className="key" aria-hidden>D</kbd></Button>}
      </header>
      <div className="compare-main">
        <aside className="compare-list" aria-label="Differences">
          <div className="compare-count">
            <p className="compare-number">{counted(changes.length, "difference")}</p>
            <p className="compare-say">{isBoth ? "The laptop and the origin answered the same request." : `${names[0]} and ${names[1].toLowerCase()} answer beside each other.`}</p>
            {difference.isPartial && <p className="compare-say">A body was not wholly kept: only its beginning is compared.</p>}
          </div>
          <ListBox
            aria-label="Differences" className="changes" items={changes} selectionMode="single" selectedKeys={chosen === null ? [] : [chosen]}
            onSelectionChange={(keys) => { setChosen(keys === "all" ? null : String([...keys][0] ?? "") || null); }}
            renderEmptyState={() => <p className="body-empty">Nothing differs.</p>}
          >
            {(change) => (
              <ListBoxItem id={change.id} textValue={`${change.group}: ${change.name}`} className="change">
                <div className="change-name"><span className="change-group">{change.group}</span> {change.name}</div>
                <div className="change-values"><span className="change-left">{change.left}</span><span aria-label="differs from">≠</span><span>{change.right}</span></div>
              </ListBoxItem>
            )}
          </ListBox>
          {setAside.length > 0 && <p className="compare-aside">Set aside, since they differ anyway: <span className="mono">{setAside.join(", ")}</span></p>}
          <p className="compare-keys">Next <kbd className="key">N</kbd> Previous <kbd className="key">Shift N</kbd></p>
        </aside>
        <div className="compare-both">
          <div className="compare-heads">
            <SideHead name={names[0]} detail={left} isMine={isBoth} />
            <SideHead name={names[1]} detail={right} isMine={false} />
          </div>
          <BothLines rows={rows} lines={shown?.lines ?? null} />
        </div>
      </div>
    </div>
  );
}

function SideHead({ name, detail: { summary, exchange }, isMine }: { name: string; detail: RequestDetail; isMine: boolean }) {
  const Icon = isMine ? Laptop : Server;
  const count = exchange.response?.headers.length ?? 0;
  return (
    <div className="compare-head" data-mine={isMine || undefined}>
      <Icon size={16} strokeWidth={1.5} aria-hidden />
      <b>{name}</b>
      <span className="tag">{statusWords(summary)}</span>
      <span className="compare-facts">{summary.took ? `${durationWords(summary.took)}, ` : ""}{size(summary.responseSize)}, {counted(count, "header")}</span>
    </div>
  );
}

function BothLines({ rows, lines }: { rows: Pairing[]; lines: Change["lines"] | null }) {
  const at = useRef<HTMLTableRowElement>(null);
  useEffect(() => { at.current?.scrollIntoView({ block: "center" }); }, [lines]);
  const index = lines ? rows.findIndex(({ left, right }) => (lines.left !== null && left?.number === lines.left) || (lines.right !== null && right?.number === lines.right)) : -1;
  if (rows.length === 0) return <p className="body-empty">The bodies are not text; their sizes and headers are compared.</p>;
  return (
    <div className="compare-lines">
      <table className="lines selectable" aria-label="Both bodies">
        <colgroup><col /><col /><col /><col /></colgroup>
        <tbody>
          {rows.map(({ left, right, isSame }, row) => (
            <tr key={row} ref={row === index ? at : undefined} data-differs={!isSame || undefined} data-shown={row === index || undefined}>
              <td className="line-number">{left?.number ?? ""}</td>
              <td className="line-left" data-void={left === null || undefined}>{left?.text ?? ""}</td>
              <td className="line-number">{right?.number ?? ""}</td>
              <td className="line-right" data-void={right === null || undefined}>{right?.text ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function rowsOf({ body }: Difference, left: RequestDetail, right: RequestDetail): Pairing[] {
  if (body.kind === "text") return pairedLines(body.lines);
  const one = left.response ? bodyText(left.response.content) : null;
  const other = right.response ? bodyText(right.response.content) : null;
  return one !== null && other !== null ? paired(one, other) : [];
}

function changesOf(difference: Difference, left: RequestDetail, right: RequestDetail): Change[] {
  const nowhere = { left: null, right: null };
  const changes: Change[] = [];
  const { status, headers, body } = difference;
  if (status) changes.push({ id: "status", group: "", name: "Status", left: String(status.left), right: String(status.right), lines: nowhere });
  if (body.kind === "json") {
    const one = pathsOfLines(left.response ? (bodyText(left.response.content) ?? "") : "");
    const other = pathsOfLines(right.response ? (bodyText(right.response.content) ?? "") : "");
    body.changes.filter(({ isSetAside }) => !isSetAside).forEach((change, index) => {
      const path = (change.left ?? change.right)?.path ?? "$";
      changes.push({
        id: `body-${index}`, group: "body", name: path.replace(/^\$\.?/, "") || "the whole body",
        left: change.left?.value ?? "absent", right: change.right?.value ?? "absent",
        lines: { left: change.left ? (one.get(change.left.path) ?? null) : null, right: change.right ? (other.get(change.right.path) ?? null) : null },
      });
    });
  } else if (body.kind === "text") changes.push(...textChanges(body.lines));
  else if (body.kind === "binary") changes.push({ id: "body", group: "body", name: body.first === null ? "size" : `from byte ${body.first} on`, left: size(body.sizes.left), right: size(body.sizes.right), lines: nowhere });
  for (const header of headers.filter(({ isSetAside }) => !isSetAside)) {
    changes.push({
      id: `header-${header.name}`, group: header.isTrailer ? "trailer" : "header", name: header.name,
      left: header.left.join(", ") || "absent", right: header.right.join(", ") || "absent", lines: nowhere,
    });
  }
  return changes;
}

function textChanges(lines: Extract<Difference["body"], { kind: "text" }>["lines"]): Change[] {
  return lines.filter(({ kind }) => kind !== "same").map(({ kind, left, right, text }) => ({
    id: `line-${kind}-${left ?? right ?? 0}`, group: "body", name: `line ${left ?? right ?? 0}`,
    left: kind === "removed" ? text : "absent", right: kind === "added" ? text : "absent", lines: { left, right },
  }));
}
