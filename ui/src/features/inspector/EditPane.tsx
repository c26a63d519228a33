// A request to change and send again, its answers stacked beside it with the number of the attempt.

import { Send, X } from "lucide-react";
import { useCallback, useState } from "react";
import { Input, Label, TextField, ToggleButton, ToggleButtonGroup } from "react-aria-components";

import type { EditedRequest, ReplayTo, RequestDetail, Summary } from "../../bindings/wire";
import { asRefusal } from "../../bridge/bridge";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { ctrl, hasCtrl } from "../../components/platform";
import { AskStrip } from "./AskStrip";
import type { Comparison } from "./acts";
import { BodyView, bodyWords } from "./BodyView";
import { CodeView } from "./CodeView";
import { HeaderLines } from "./HeaderLines";
import { durationWords, isSafeMethod, size } from "./format";
import { outcomeWords, statusWords } from "./words";
import "./edit.css";

interface Props {
  id: number;
  onClose: () => void;
  onCompare: (comparison: Comparison) => void;
}

interface Attempt {
  number: number;
  answers: RequestDetail[];
  comparison: Comparison | null;
}

const targets: Record<ReplayTo, string> = { laptop: "My program", cluster: "Original pods", both: "Both, and compare" };

export function EditPane({ id, onClose, onCompare }: Props) {
  const bridge = useBridge();
  const { answer } = useAnswer(useCallback(() => bridge.ask("editable_request", { id }), [bridge, id]));
  if (answer.state === "asking") return <p className="body-empty">Reading the request…</p>;
  if (answer.state === "refused") return <p className="body-empty" role="alert">{answer.error.message} {answer.error.hint}</p>;
  return <Editor key={id} id={id} original={answer.value} onClose={onClose} onCompare={onCompare} />;
}

function Editor({ id, original, onClose, onCompare }: Props & { original: EditedRequest }) {
  const [request, setRequest] = useState(original);
  const [to, setTo] = useState<ReplayTo>("laptop");
  const attempts = useAttempts(id);
  const change = (news: Partial<EditedRequest>) => { setRequest({ ...request, ...news }); };
  const send = () => { attempts.send(request, to); };
  return (
    <div
      className="edit" role="group" aria-label="Edit and send again"
      onKeyDown={(event) => {
        if (event.key === "Enter" && hasCtrl(event)) { event.preventDefault(); send(); }
        if (event.key === "Escape") { event.stopPropagation(); onClose(); }
      }}
    >
      <div className="edit-request">
        <div className="edit-line">
          <TextField className="edit-method" value={request.method} onChange={(method) => { change({ method }); }}>
            <Label className="visually-hidden">Method</Label>
            <Input className="input input-mono" />
          </TextField>
          <TextField autoFocus className="edit-target" value={request.target} onChange={(target) => { change({ target }); }}>
            <Label className="visually-hidden">Path and query</Label>
            <Input className="input input-mono" />
          </TextField>
        </div>
        <HeaderLines headers={request.headers} onChange={(headers) => { change({ headers }); }} />
        <h3 className="side-title">Body{request.body === null && " · sent as it was recorded"}</h3>
        {request.body === null
          ? <p className="body-empty">There is no body that is text. <button type="button" className="text-link" onClick={() => { change({ body: "" }); }}>Write one</button></p>
          : <CodeView text={request.body} language={/^\s*[{[]/.test(request.body) ? "json" : "plain"} label="Body to send" onChange={(body) => { change({ body }); }} />}
        <div className="edit-foot">
          <ToggleButtonGroup
            aria-label="Who answers" className="segments" selectionMode="single" disallowEmptySelection selectedKeys={[to]}
            onSelectionChange={(keys) => { setTo(([...keys][0] ?? "laptop") as ReplayTo); }}
          >
            {Object.entries(targets).map(([each, words]) => <ToggleButton key={each} id={each} className="segment">{words}</ToggleButton>)}
          </ToggleButtonGroup>
          <span className="edit-grow" />
          <Button look="quiet" onPress={() => { setRequest(original); }}>Undo</Button>
          <Button look="quiet" aria-label="Close" onPress={onClose}><X size={14} strokeWidth={1.5} aria-hidden /></Button>
          <Button look="primary" onPress={send} isDisabled={attempts.isSending}><Send size={14} strokeWidth={1.5} aria-hidden />Send <kbd className="key edit-key" aria-hidden>{ctrl} Enter</kbd></Button>
        </div>
      </div>
      <div className="edit-answers" role="log" aria-label="Answers">
        {attempts.asking && <AskStrip asking={attempts.asking} onAnswer={attempts.answer} />}
        {attempts.error && <p className="problem problem-bad" role="alert">{attempts.error}</p>}
        {attempts.list.length === 0 && !attempts.error && <p className="body-empty">Answers come here, the last one at the top.</p>}
        {attempts.list.map((attempt) => <AttemptView key={attempt.number} attempt={attempt} onCompare={onCompare} />)}
      </div>
    </div>
  );
}

function useAttempts(id: number) {
  const bridge = useBridge();
  const [list, setList] = useState<Attempt[]>([]);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [waiting, setWaiting] = useState<{ request: EditedRequest; to: ReplayTo } | null>(null);

  const sendNow = (request: EditedRequest, to: ReplayTo, isAgreed: boolean) => {
    setSending(true);
    setError(null);
    bridge.ask("replay_request", { replay: { id, to, edited: request, target: null, isAgreed } }).then(
      ({ answers, difference }) => {
        const [left, right] = answers;
        const comparison: Comparison | null = left && right && difference
          ? { left: left.exchange.id, right: right.exchange.id, names: ["Laptop", "Origin"], difference }
          : null;
        setList((before) => [{ number: before.length + 1, answers, comparison }, ...before]);
      },
      (thrown: unknown) => {
        const refused = asRefusal(thrown).error;
        setError(`${refused.message} ${refused.hint}`);
      },
    ).finally(() => { setSending(false); });
  };
  const where = (to: ReplayTo) => (to === "laptop" ? "your program" : to === "cluster" ? "the original pods" : "your program and the original pods");
  return {
    list, isSending, error,
    asking: waiting && { words: `${waiting.request.method} may change something where it arrives. Send it to ${where(waiting.to)}?`, yes: "Send it", run: () => undefined },
    answer: (isYes: boolean) => {
      if (isYes && waiting) sendNow(waiting.request, waiting.to, true);
      setWaiting(null);
    },
    send: (request: EditedRequest, to: ReplayTo) => {
      if (isSafeMethod(request.method)) sendNow(request, to, false);
      else setWaiting({ request, to });
    },
  };
}

function AttemptView({ attempt, onCompare }: { attempt: Attempt; onCompare: (comparison: Comparison) => void }) {
  const { number, answers, comparison } = attempt;
  return (
    <section className="attempt" aria-label={`Attempt ${number}`}>
      {answers.map((detail, index) => (
        <div key={detail.exchange.id} className="attempt-answer">
          <h3 className="side-title">
            <span>{number} · {answers.length > 1 ? (index === 0 ? "Laptop" : "Origin") : who(detail.summary)} · {statusWords(detail.summary)}
              {detail.summary.took ? ` · ${durationWords(detail.summary.took)}` : ""} · {size(detail.summary.responseSize)}</span>
            {index === 0 && comparison && <Button onPress={() => { onCompare(comparison); }}>Compare</Button>}
          </h3>
          {detail.response
            ? <div className="attempt-body" aria-label={bodyWords(detail.response)} role="group"><BodyView body={detail.response} of={{ id: detail.exchange.id, half: "response" }} /></div>
            : <p className="body-empty">{outcomeWords(detail.exchange.outcome)}</p>}
        </div>
      ))}
    </section>
  );
}

const who = ({ outcome }: Summary) => (outcome.kind === "answeredByCluster" ? "Origin" : "Laptop");
