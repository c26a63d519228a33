// The foot: what is true now, in one sentence, and the next act.

import { Check, CircleX, Square, TriangleAlert } from "lucide-react";
import { useCallback, useState } from "react";

import type { CommandError, InterceptView, ProbeReport } from "../../bindings/wire";
import type { Answer } from "../../bridge/use-answer";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { ctrl } from "../../components/platform";
import { took } from "../../components/time-words";
import { useGo } from "../../state/use-go";
import type { Plan } from "./use-plan";
import { reached, words } from "./words";

interface PlannedProps {
  service: string;
  plan: Plan;
  isOpening: boolean;
  error: CommandError | null;
  onApply: () => void;
  onClose: () => void;
}

export function PlannedFoot({ service, plan: { plan, isPlanning, error: planError }, isOpening, error, onApply, onClose }: PlannedProps) {
  const isReady = plan?.isPossible === true && !isPlanning && planError === null;
  const state = isPlanning ? words.waitsForPlan : plan?.isPossible === false ? words.cannot : words.nothingChanged;
  return (
    <div className="sheet-foot">
      <p role="status" className="foot-words">
        {error ? <><CircleX className="sheet-bad" size={14} strokeWidth={1.5} aria-hidden />{error.message} {error.hint}</> : state}
      </p>
      <Button look="quiet" onPress={onClose}>{words.cancel}</Button>
      <Button look="primary" onPress={onApply} isDisabled={!isReady || isOpening}>
        {words.apply(plan?.way, service)}<kbd className="key key-on">{ctrl} ↵</kbd>
      </Button>
    </div>
  );
}

export function OpenFoot({ view, onAgain, onClose }: { view: InterceptView; onAgain: () => void; onClose: () => void }) {
  const bridge = useBridge();
  const go = useGo();
  const [error, setError] = useState<string | null>(null);
  const stop = () => { bridge.ask("stop_intercept", { key: view.key }).catch((thrown: unknown) => { setError(String(thrown)); }); };
  const { phase } = view.phase;
  if (view.ending) return <EndedFoot view={view} onAgain={onAgain} onClose={onClose} />;
  const isStarting = phase === "planning" || phase === "applying";
  return (
    <div className="sheet-foot">
      <p role="status" className="foot-words">
        {error ?? (isStarting ? words.starting : phase === "closing" ? words.restoring : <Proof view={view} />)}
      </p>
      <Button onPress={stop} isDisabled={phase === "closing"}>
        <Square size={12} strokeWidth={1.5} aria-hidden />{isStarting ? words.cancelStart : words.stop}
      </Button>
      {!isStarting && phase !== "closing" && <Button look="primary" onPress={() => { go({ screen: "inspector" }); }}>{words.inspector}</Button>}
    </div>
  );
}

function EndedFoot({ view: { ending }, onAgain, onClose }: { view: InterceptView; onAgain: () => void; onClose: () => void }) {
  const Icon = ending?.isRestored ? Check : CircleX;
  return (
    <div className="sheet-foot">
      <p role="status" className="foot-words">
        <Icon className={ending?.isRestored ? "sheet-ok" : "sheet-bad"} size={14} strokeWidth={1.5} aria-hidden />
        <span>
          {ending?.sentence} {ending?.hint}
          {ending?.causes.map((cause) => <span key={cause} className="check-hint">{cause}</span>)}
        </span>
      </p>
      <Button look="quiet" onPress={onAgain}>{words.again}</Button>
      <Button onPress={onClose}>{words.close}</Button>
    </div>
  );
}

/** One request through the real path, and how far it came. */
function Proof({ view }: { view: InterceptView }) {
  const bridge = useBridge();
  const { key } = view;
  const { answer } = useAnswer(useCallback(() => bridge.ask("probe_intercept", { key }), [bridge, key]));
  if (view.trouble !== null) return <><TriangleAlert className="sheet-warn" size={14} strokeWidth={1.5} aria-hidden />{view.trouble}</>;
  return <ProofWords view={view} answer={answer} />;
}

function ProofWords({ view, answer }: { view: InterceptView; answer: Answer<ProbeReport> }) {
  if (answer.state === "asking") return words.testing;
  if (answer.state === "refused") return words.notTested(answer.error.message);
  const { hops, stoppedAt } = answer.value;
  if (stoppedAt != null) {
    const hop = hops.find(({ what }) => what === stoppedAt);
    return <><TriangleAlert className="sheet-warn" size={14} strokeWidth={1.5} aria-hidden />{hop?.words}</>;
  }
  const last = hops.findLast((hop) => hop.took != null)?.took ?? null;
  return (
    <>
      <Check className="sheet-ok" size={14} strokeWidth={1.5} aria-hidden />{reached(view)}
      {last !== null && <span className="quiet">{took(last / 1_000)}, self-test</span>}
    </>
  );
}
