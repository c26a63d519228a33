// One request in one line. Drawn again only when it changed or moved.

import { Pin } from "lucide-react";
import { memo, type MouseEvent } from "react";

import type { Gap, Summary } from "../../bindings/wire";
import { clockTime, duration, durationShare, isBroken, methodClass, size, statusClass } from "./format";
import { rowHeight } from "./use-row-window";
import { gapWords, rowWords, statusWords, tagsOf } from "./words";

interface Props {
  summary: Summary;
  index: number;
  isChosen: boolean;
  isCursor: boolean;
  onPress: (id: number, event: MouseEvent) => void;
  onMenu: (event: MouseEvent, id: number) => void;
}

const place = (index: number) => ({ transform: `translateY(${index * rowHeight}px)` });

export const RequestRow = memo(function RequestRow({ summary, index, isChosen, isCursor, onPress, onMenu }: Props) {
  const { id, began, method, target, status, outcome, place: { service, namespace }, source, tags } = summary;
  return (
    <div
      id={`request-${id}`} className="table-row request-row" role="row" aria-rowindex={index + 1} aria-selected={isChosen} aria-label={rowWords(summary)}
      data-cursor={isCursor || undefined} data-chosen={isChosen || undefined} style={place(index)}
      onMouseDown={(event) => { if (event.button === 0) onPress(id, event); }}
      onContextMenu={(event) => { onMenu(event, id); }}
    >
      <span role="gridcell" className="table-time" data-value={`since:${ageOf(began)}`}>{clockTime(began)}</span>
      <span role="gridcell" className={`http-method http-method-${methodClass(method)}`} data-field="method" data-value={method}>{method || "–"}</span>
      <span role="gridcell" className={`status status-${statusClass(status)}`} data-broken={isBroken(outcome) || undefined} data-field="status" data-value={status ?? undefined}>
        {statusWords(summary)}
      </span>
      <span role="gridcell" className="table-path">
        {tags.pinned && <Pin className="table-pin" size={12} strokeWidth={1.5} aria-hidden />}
        <Path target={target || summary.host} />
        {tagsOf(summary).filter(({ words }) => words !== "pinned").map(({ words, look }) => (
          <span key={words} className={`tag tag-${look}`}>{words}</span>
        ))}
      </span>
      <span role="gridcell" className="table-service" data-field="svc" data-value={service} title={`${namespace}/${service}`}>{service}</span>
      <span role="gridcell" className="table-source" data-field="source" data-value={source?.pod ?? source?.address}>{source?.pod ?? source?.address ?? ""}</span>
      <Duration summary={summary} />
      <span role="gridcell" className="table-size">{outcome.kind === "inFlight" ? "" : size(summary.responseSize)}</span>
    </div>
  );
});

const ageOf = (began: number) => `${Math.max(1, Math.ceil((Date.now() - began / 1000) / 60_000))}m`;

const tailLength = 11;

/** Shortened in the middle by the layout: the end stays, the beginning gives way. */
export function Path({ target }: { target: string }) {
  const bare = target.split("?")[0] ?? target;
  const head = target.length > tailLength + 5 ? target.slice(0, -tailLength) : target;
  return (
    <span className="path" data-field="path" data-value={bare}>
      <span className="path-head">{head}</span>
      {head !== target && <span className="path-tail">{target.slice(-tailLength)}</span>}
    </span>
  );
}

function Duration({ summary: { took, outcome, status } }: { summary: Summary }) {
  if (took === null || took === undefined) {
    return (
      <span role="gridcell" className="took">
        {outcome.kind === "inFlight" && <span className="took-running" aria-label="No answer yet" role="img" />}
      </span>
    );
  }
  const { amount, unit } = duration(took);
  const look = isBroken(outcome) || (status ?? 0) >= 500 ? "bad" : took > 1_000_000 && status !== 101 ? "slow" : "plain";
  return (
    <span role="gridcell" className="took">
      <svg className={`took-bar took-${look}`} viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden>
        <rect className="took-track" width="100" height="5" />
        <rect className="took-fill" width={durationShare(took) * 100} height="5" />
      </svg>
      <span className="took-amount">{amount}</span>
      <span className="took-unit">{unit}</span>
    </span>
  );
}

export const GapRow = memo(function GapRow({ gap, index }: { gap: Gap; index: number }) {
  return (
    <div className="table-row gap-row" role="row" aria-rowindex={index + 1} style={place(index)}>
      <span role="gridcell" aria-colspan={8}>{gapWords(gap)}</span>
    </div>
  );
});
