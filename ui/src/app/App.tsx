// Composes the window: contexts at the left, what the chosen one has beside them, the status strip below.

import { useCallback, useState } from "react";

import type { Context } from "../bindings/wire";
import { useAnswer, type Answer } from "../bridge/use-answer";
import { useBridge } from "../bridge/use-bridge";
import { ContextPane } from "../features/contexts/ContextPane";
import { NoContextChosen } from "../features/contexts/NoContextChosen";
import { ServicesPane } from "../features/services/ServicesPane";
import "./app.css";
import { ThemeChoice } from "./ThemeChoice";

export function App() {
  const bridge = useBridge();
  const contexts = useAnswer(useCallback(() => bridge.listContexts(), [bridge]));
  const [chosenByHand, setChosen] = useState<string | null>(null);
  const chosen = chosenByHand ?? sandboxOf(contexts.answer);

  return (
    <div className="app">
      <aside className="app-side">
        <header className="app-brand">
          <img src="/icon.svg" alt="" width="22" height="22" />
          <h1>Intercept</h1>
        </header>
        <ContextPane {...contexts} chosen={chosen} onChoose={setChosen} />
        <ThemeChoice />
      </aside>
      {chosen === null ? (
        <NoContextChosen answer={contexts.answer} onChoose={setChosen} onLookAgain={contexts.askAgain} />
      ) : (
        <ServicesPane key={chosen} context={chosen} />
      )}
    </div>
  );
}

/** The sandbox needs no choosing: nobody has another reason to start it. */
function sandboxOf(contexts: Answer<Context[]>): string | null {
  const all = contexts.state === "answered" ? contexts.value : [];
  return all.find((context) => context.isSandbox)?.name ?? null;
}
