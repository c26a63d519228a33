// The steps, planned or under way: how far each is and how long it took.

import { Check, Circle, LoaderCircle } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";

import type { PlannedStep, StepView } from "../../bindings/wire";
import { took } from "../../components/time-words";
import { words } from "./words";

const icons = { waiting: Circle, running: LoaderCircle, done: Check };
const stateNames = { waiting: "waiting", running: "under way", done: "done" };

export function Steps({ planned, steps }: { planned: readonly PlannedStep[]; steps: readonly StepView[] }) {
  const [tellsUndo, setTellsUndo] = useState(false);
  const shown: readonly StepView[] = steps.length > 0 ? steps : planned.map(({ sentence }) => ({ sentence, state: "waiting", tookMs: null }));
  if (shown.length === 0) return null;
  const total = steps.reduce((sum, { tookMs }) => sum + (tookMs ?? 0), 0);
  const longest = Math.max(1, ...steps.map(({ tookMs }) => tookMs ?? 0));
  return (
    <section className="sheet-part" aria-labelledby="steps-title">
      <h3 className="sheet-label" id="steps-title">
        {words.steps} <span>{total > 0 ? took(total) : words.stepsHint}</span>
        <Button className="copy-link" aria-expanded={tellsUndo} onPress={() => { setTellsUndo(!tellsUndo); }}>{words.undo}</Button>
      </h3>
      <ol className="steps">
        {shown.map(({ sentence, state, tookMs }, at) => {
          const Icon = icons[state];
          return (
            <li key={at} className={`step step-${state}`}>
              <Icon size={14} strokeWidth={1.5} aria-label={stateNames[state]} />
              <span>{sentence}{tellsUndo && planned[at] && <span className="check-hint">{planned[at].undo}</span>}</span>
              {tookMs !== null && (
                <>
                  <svg className="step-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden>
                    <rect width={Math.max(2, (tookMs / longest) * 100)} height={4} rx={1} />
                  </svg>
                  <span className="check-took">{took(tookMs)}</span>
                </>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
