// One request and its answer: head, where the time went, both sides beside each other or as tabs.

import { CircleAlert, Columns2, Copy, Pencil, Pin, RotateCcw, X } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";

import type { RequestDetail, Summary } from "../../bindings/wire";
import { useAnswer, type Answer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { ErrorNotice } from "../../components/Notice";
import { Tip } from "../../components/Tip";
import { Waiting } from "../../components/Waiting";
import type { Acts } from "./acts";
import { exactTime, methodClass, shown, size, statusClass } from "./format";
import { RequestSide, ResponseSide } from "./Sides";
import { Timing } from "./Timing";
import { useIsWide } from "./use-is-wide";
import { hiddenWords, outcomeWords, statusWords, tagsOf } from "./words";
import "./detail.css";

interface Props {
  id: number;
  /** As the list has it: when it changes, there is more to see. */
  summary: Summary | null;
  acts: Acts;
  onClose: () => void;
  /** In place of both sides: an edited request with its answers. */
  children?: ReactNode;
}

/** Everything there is to see of a request; asked again when the list tells that it changed. */
export function useDetail(id: number, summary: Summary | null, reveal: boolean): Answer<RequestDetail> {
  const bridge = useBridge();
  const round = summary ? `${summary.outcome.kind} ${summary.took ?? ""} ${summary.responseSize}` : "";
  // Each round is a question of its own.
  const question = useMemo(() => Object.assign(() => bridge.ask("get_request", { id, reveal }), { round }), [bridge, id, reveal, round]);
  const { answer } = useAnswer(question);
  // What is shown stays until the newer answer is there.
  const [last, setLast] = useState<{ id: number; answer: Answer<RequestDetail> } | null>(null);
  if (answer.state !== "asking" && last?.answer !== answer) setLast({ id, answer });
  return answer.state === "asking" && last?.id === id ? last.answer : answer;
}

export function Detail({ id, summary, acts, onClose, children }: Props) {
  const [revealed, setRevealed] = useState<number | null>(null);
  const answer = useDetail(id, summary, revealed === id);
  if (answer.state === "asking") return <section className="detail" aria-label="Request"><Waiting words="Reading the request" rows={6} /></section>;
  if (answer.state === "refused") {
    return (
      <section className="detail" aria-label="Request">
        <ErrorNotice title="This request cannot be shown" message={answer.error.message} hint={answer.error.hint} acts={<Button onPress={onClose}>Close</Button>} />
      </section>
    );
  }
  const detail = answer.value;
  return (
    <section className="detail" aria-label={`Request ${id}`}>
      <Head detail={detail} pinned={summary?.tags.pinned ?? detail.summary.tags.pinned} acts={acts} onClose={onClose} />
      <Timing exchange={detail.exchange} />
      {detail.hidden.length > 0 && (
        <p className="detail-hidden">
          Secrets are hidden in {hiddenWords(detail.hidden)}.
          <button type="button" className="text-link" onClick={() => { setRevealed(id); }}>Reveal</button>
        </p>
      )}
      {children ?? <Both detail={detail} acts={acts} onReveal={() => { setRevealed(id); }} />}
    </section>
  );
}

function Both({ detail, acts, onReveal }: { detail: RequestDetail; acts: Acts; onReveal: () => void }) {
  const isWide = useIsWide();
  const sides = {
    request: <RequestSide detail={detail} acts={acts} onReveal={onReveal} />,
    response: <ResponseSide detail={detail} acts={acts} onReveal={onReveal} />,
  };
  if (isWide) return <div className="sides">{sides.request}{sides.response}</div>;
  return (
    <Tabs className="sides-tabs" defaultSelectedKey="response">
      <TabList aria-label="Request and answer" className="tabs">
        <Tab id="request" className="tab">Request</Tab>
        <Tab id="response" className="tab">Response</Tab>
      </TabList>
      <TabPanel id="request" className="tab-panel">{sides.request}</TabPanel>
      <TabPanel id="response" className="tab-panel">{sides.response}</TabPanel>
    </Tabs>
  );
}

function Head({ detail, pinned, acts, onClose }: { detail: RequestDetail; pinned: boolean; acts: Acts; onClose: () => void }) {
  const { exchange, summary } = detail;
  const [path = "", ...query] = shown(exchange.request.target).split("?");
  const method = shown(exchange.request.method);
  const { source, outcome } = exchange;
  const isUnusual = outcome.kind !== "answered";
  return (
    <header className="detail-head">
      <div className="detail-line">
        <span className={`http-method http-method-${methodClass(method)}`}>{method || "bytes"}</span>
        <h2 className="detail-url selectable">{path || summary.host}{query.length > 0 && <span className="detail-query">?{query.join("?")}</span>}</h2>
        <span className={`tag ${statusTag(summary)}`}>{statusWords(summary)} {shown(exchange.response?.reason ?? "")}</span>
        <Tip words="Close" keys="Esc"><Button look="quiet" aria-label="Close" onPress={onClose}><X size={16} strokeWidth={1.5} aria-hidden /></Button></Tip>
      </div>
      <p className="detail-facts">
        <span>{exactTime(exchange.began)}</span>
        {source && <span>from {source.pod ? "pod " : ""}<b>{source.pod ?? source.address}</b></span>}
        <span><b>{size(summary.responseSize)}</b></span>
        <span>{exchange.protocol}</span>
        {tagsOf(summary).map(({ words, look }) => <span key={words} className={`tag tag-${look}`}>{words}</span>)}
      </p>
      {isUnusual && <p className="detail-outcome"><CircleAlert size={14} strokeWidth={1.5} aria-hidden />{outcomeWords(outcome)}</p>}
      <div className="detail-acts" role="toolbar" aria-label="Acts on this request">
        <Act words="Replay" keys="R" onPress={acts.replay}><RotateCcw size={14} strokeWidth={1.5} aria-hidden /></Act>
        <Act words="Edit" keys="E" onPress={acts.edit}><Pencil size={14} strokeWidth={1.5} aria-hidden /></Act>
        <Act words="Compare" keys="D" onPress={acts.compare}><Columns2 size={14} strokeWidth={1.5} aria-hidden /></Act>
        <Act words="Copy curl" keys="C" onPress={acts.copyCurl}><Copy size={14} strokeWidth={1.5} aria-hidden /></Act>
        <Act words={pinned ? "Unpin" : "Pin"} keys="P" onPress={acts.pin}><Pin size={14} strokeWidth={1.5} aria-hidden /></Act>
        <Act words="Mock" keys="M" onPress={acts.mock}><span className="mock-mark" aria-hidden>≡</span></Act>
      </div>
    </header>
  );
}

const statusTag = (summary: Summary) =>
  ["tag-plain", "tag-plain", "tag-ok", "tag-plain", "tag-warn", "tag-bad"][statusClass(summary.status)] ?? "tag-plain";

function Act({ words, keys, onPress, children }: { words: string; keys: string; onPress: () => void; children: ReactNode }) {
  return (
    <Button look="quiet" onPress={onPress} aria-keyshortcuts={keys}>
      {children}
      <span className="act-word">{words}</span>
      <kbd className="key" aria-hidden>{keys}</kbd>
    </Button>
  );
}
