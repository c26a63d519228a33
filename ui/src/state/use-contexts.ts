// The contexts of the kubeconfig, read again whenever they have changed.

import { useCallback, useEffect, useRef } from "react";

import type { Context } from "../bindings/wire";
import { useAnswer, type Answer } from "../bridge/use-answer";
import { useBridge } from "../bridge/use-bridge";
import { useKnown } from "./use-desk";

export interface Contexts {
  answer: Answer<Context[]>;
  isAsking: boolean;
  askAgain: () => void;
}

export function useContexts(): Contexts {
  const bridge = useBridge();
  const round = useKnown((known) => known.contextsRound);
  const asked = useRef(round);
  const contexts = useAnswer(useCallback(() => bridge.ask("list_contexts", {}), [bridge]));
  const { askAgain } = contexts;
  useEffect(() => {
    if (asked.current === round) return;
    asked.current = round;
    askAgain();
  }, [round, askAgain]);
  return contexts;
}
