// What would change: the cluster as a diff, what was looked at beforehand, and the steps.

import { Check as Tick, CircleX, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Button as LinkButton } from "react-aria-components";

import type { Check, PlanView, StepView } from "../../bindings/wire";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { ErrorNotice } from "../../components/Notice";
import { took } from "../../components/time-words";
import { Waiting } from "../../components/Waiting";
import { Steps } from "./Steps";
import type { Plan } from "./use-plan";
import { checkWords, stateWords, words } from "./words";

/** `steps` are those under way, where there are any. */
export function PlanPart({ plan: { plan, error, isPlanning, planAgain }, steps }: { plan: Plan; steps: readonly StepView[] }) {
  if (error?.field === null) {
    return (
      <ErrorNotice title={words.planFailed} message={error.message} hint={error.hint} acts={<Button onPress={planAgain}>{words.tryAgain}</Button>} />
    );
  }
  if (!plan) return <Waiting words={words.planning} rows={8} />;
  return (
    <div className={isPlanning ? "plan plan-old" : "plan"} aria-busy={isPlanning}>
      <Diff plan={plan} />
      <section className="sheet-part" aria-labelledby="checks-title">
        <h3 className="sheet-label" id="checks-title">{words.preflight} <span>{checkWords(plan.checks)}</span></h3>
        <ul className="checks">{plan.checks.map((check) => <CheckLine key={check.sentence} check={check} />)}</ul>
      </section>
      <Steps planned={plan.steps} steps={steps} />
    </div>
  );
}

function Diff({ plan }: { plan: PlanView }) {
  return (
    <section className="sheet-part" aria-labelledby="plan-title">
      <h3 className="sheet-label" id="plan-title">
        {words.plan} <span>{words.planHint}</span>
        <CopyLink text={plan.diff.join("\n")} name={words.copyPlan} />
        <CopyLink text={plan.curl} name={words.copyCurl} />
      </h3>
      {plan.diff.length > 0 && (
        <ol className="diff mono selectable" aria-label={words.planHint}>
          {plan.diff.map((line, at) => <li key={at} className={lookOf(line)}>{line}</li>)}
        </ol>
      )}
      {plan.removesResidue && <p className="sheet-hint">{words.residue}</p>}
    </section>
  );
}

function lookOf(line: string): string {
  if (line.startsWith("+")) return "diff-add";
  if (line.startsWith("-")) return "diff-del";
  return line.startsWith("~") ? "diff-change" : "";
}

const looks = { passed: { Icon: Tick, look: "sheet-ok" }, warned: { Icon: TriangleAlert, look: "sheet-warn" }, failed: { Icon: CircleX, look: "sheet-bad" } };

function CheckLine({ check: { state, sentence, hint, tookMs } }: { check: Check }) {
  const { Icon, look } = looks[state];
  return (
    <li>
      <Icon className={look} size={14} strokeWidth={1.5} aria-label={stateWords[state]} />
      <span>{sentence}{hint !== null && <span className="check-hint">{hint}</span>}</span>
      {tookMs !== null && <span className="check-took">{took(tookMs)}</span>}
    </li>
  );
}

function CopyLink({ text, name }: { text: string; name: string }) {
  const { shell } = useBridge();
  const [isCopied, setIsCopied] = useState(false);
  const copy = () => { void shell.copyText(text).then(() => { setIsCopied(true); }, () => undefined); };
  return <LinkButton className="copy-link" onPress={copy}>{isCopied ? words.copied : name}</LinkButton>;
}
