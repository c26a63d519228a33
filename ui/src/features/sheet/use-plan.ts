// The plan of what stands in the sheet: made anew a moment after each change, the last one in sight until then.

import { useEffect, useState } from "react";

import type { CommandError, InterceptWish, PlanView, TargetCheck } from "../../bindings/wire";
import { asRefusal } from "../../bridge/bridge";
import { useBridge } from "../../bridge/use-bridge";

const restMs = 300;
const lookAgainMs = 3_000;

export interface Plan {
  plan: PlanView | null;
  error: CommandError | null;
  isPlanning: boolean;
  planAgain: () => void;
}

interface Held {
  question: string;
  plan: PlanView | null;
  error: CommandError | null;
}

/** Nothing is planned while `isOff`. */
export function usePlan(wish: InterceptWish, isOff: boolean): Plan {
  const bridge = useBridge();
  const [round, setRound] = useState(0);
  const [held, setHeld] = useState<Held | null>(null);
  const question = `${round} ${JSON.stringify(wish)}`;

  useEffect(() => {
    if (isOff) return undefined;
    let isCurrent = true;
    const timer = window.setTimeout(() => {
      bridge.ask("plan_intercept", { wish: wishOf(question) }).then(
        (plan) => { if (isCurrent) setHeld({ question, plan, error: null }); },
        (thrown: unknown) => { if (isCurrent) setHeld({ question, plan: null, error: asRefusal(thrown).error }); },
      );
    }, restMs);
    return () => {
      isCurrent = false;
      window.clearTimeout(timer);
    };
  }, [bridge, question, isOff]);

  const isPlanning = held?.question !== question;
  return { plan: held?.plan ?? null, error: isPlanning ? null : held.error, isPlanning, planAgain: () => { setRound((n) => n + 1); } };
}

const wishOf = (question: string) => JSON.parse(question.slice(question.indexOf(" ") + 1)) as InterceptWish;

/** Whether something takes connections at a target, looked at again and again. */
export function useTargetCheck(target: string): TargetCheck | null {
  const bridge = useBridge();
  const [held, setHeld] = useState<{ asked: string; check: TargetCheck | null } | null>(null);
  useEffect(() => {
    if (target === "") return undefined;
    let isCurrent = true;
    const look = () => {
      bridge.ask("check_target", { target }).then(
        (check) => { if (isCurrent) setHeld({ asked: target, check }); },
        () => { if (isCurrent) setHeld({ asked: target, check: null }); },
      );
    };
    const first = window.setTimeout(look, restMs);
    const timer = window.setInterval(look, lookAgainMs);
    return () => {
      isCurrent = false;
      window.clearTimeout(first);
      window.clearInterval(timer);
    };
  }, [bridge, target]);
  return held?.asked === target ? held.check : null;
}
