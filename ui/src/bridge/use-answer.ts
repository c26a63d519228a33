// One question and its answer as a state. A later question, or leaving the screen, drops an answer still under way.

import { useCallback, useEffect, useState } from "react";

import type { CommandError } from "../bindings/wire";
import { asRefusal } from "./bridge";

export type Answer<T> =
  | { state: "asking" }
  | { state: "answered"; value: T; at: Date }
  | { state: "refused"; error: CommandError };

const asking = { state: "asking" } as const;

/**
 * Asks `question` now, whenever it is another function, and on each `askAgain`. Keep the question stable with useCallback.
 * While it is asked again, the last answer stays in sight.
 */
export function useAnswer<T>(question: () => Promise<T>): { answer: Answer<T>; isAsking: boolean; askAgain: () => void } {
  const [round, setRound] = useState(0);
  const [held, setHeld] = useState<{ question: () => Promise<T>; round: number; answer: Answer<T> } | null>(null);

  useEffect(() => {
    let isCurrent = true;
    const hold = (answer: Answer<T>) => {
      if (isCurrent) setHeld({ question, round, answer });
    };
    question().then(
      (value) => { hold({ state: "answered", value, at: new Date() }); },
      (thrown: unknown) => { hold({ state: "refused", error: asRefusal(thrown).error }); },
    );
    return () => {
      isCurrent = false;
    };
  }, [question, round]);

  const isSameQuestion = held?.question === question;
  return {
    answer: isSameQuestion ? held.answer : asking,
    isAsking: !isSameQuestion || held.round !== round,
    askAgain: useCallback(() => { setRound((n) => n + 1); }, []),
  };
}
