// Before any cluster was chosen: those that the kubeconfig names, none of them contacted, and the sandbox.

import { ArrowRight, Check, FlaskConical } from "lucide-react";
import { useState } from "react";

import type { Context } from "../../bindings/wire";
import type { Answer } from "../../bridge/use-answer";
import { useAct } from "../../bridge/use-act";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import { Bend } from "./Bend";
import { Clusters } from "./Clusters";
import "./first-start.css";
import { words } from "./words";

interface Props {
  contexts: Answer<Context[]>;
  isAsking: boolean;
  onLookAgain: () => void;
  onChoose: (context: string) => void;
  /** Asks for the contexts again once the sandbox stands. */
  onSandbox: () => void;
  /** Only the very first time. */
  onSkip: (() => void) | null;
}

export function FirstStart({ contexts, isAsking, onLookAgain, onChoose, onSandbox, onSkip }: Props) {
  const all = contexts.state === "answered" ? contexts.value : [];
  const [picked, setPicked] = useState<string | null>(null);
  const chosen = picked ?? all.find(({ isCurrent }) => isCurrent)?.name ?? all[0]?.name ?? null;
  return (
    <main className="first">
      <Promise />
      <div className="first-main">
        <div className="first-scroll">
          {contexts.state === "asking" && <Waiting words={words.reading} rows={4} />}
          {contexts.state === "refused" && (
            <ErrorNotice
              title={contexts.error.code === "kubeconfigMissing" ? words.missing : words.unreadable}
              message={contexts.error.message} hint={contexts.error.hint}
            />
          )}
          {contexts.state === "answered" && (
            <>
              <h2 className="first-title">{words.found(all.length)}</h2>
              <p className="first-sub">{all.length === 0 ? words.empty : words.untouched}</p>
              {all.length > 0 && <Clusters contexts={all} chosen={chosen} onPick={setPicked} onConnect={onChoose} />}
            </>
          )}
          {contexts.state !== "asking" && <div className="first-again"><LookAgain look="quiet" isAsking={isAsking} onLookAgain={onLookAgain} /></div>}
          <Sandbox isOnly={all.length === 0 && contexts.state !== "asking"} onDone={onSandbox} />
          {all.length > 0 && <Facts />}
        </div>
        <footer className="first-foot">
          {onSkip && <Button look="quiet" onPress={onSkip}>{words.skip}</Button>}
          {all.length > 0 && chosen !== null && (
            <span className="first-connect">
              <Button look="primary" onPress={() => { onChoose(chosen); }}>
                {words.connect(chosen)}<ArrowRight size={14} strokeWidth={1.5} aria-hidden />
              </Button>
            </span>
          )}
        </footer>
      </div>
    </main>
  );
}

function Promise() {
  return (
    <section className="first-side" aria-label={words.name}>
      <p className="first-brand"><img src="/icon.svg" alt="" width="28" height="28" /><strong>{words.name}</strong></p>
      <Bend />
      <h1 className="first-claim">{words.claim}</h1>
      <ul className="ticks">
        {words.promises.map((promise) => <li key={promise}><Check size={14} strokeWidth={1.5} aria-hidden />{promise}</li>)}
      </ul>
      <p className="first-privacy">{words.privacy}</p>
    </section>
  );
}

function Sandbox({ isOnly, onDone }: { isOnly: boolean; onDone: () => void }) {
  const bridge = useBridge();
  const { begin, isUnderway, error } = useAct(() => bridge.ask("try_sandbox", {}), onDone);
  return (
    <section className="sandbox" aria-label={words.sandboxTitle}>
      <span className="sandbox-icon"><FlaskConical size={16} strokeWidth={1.5} aria-hidden /></span>
      <div className="sandbox-words">
        <h3>{words.sandboxTitle}</h3>
        <p>{words.sandboxHint}</p>
      </div>
      <Button look={isOnly ? "primary" : "plain"} onPress={begin} isDisabled={isUnderway}>{isUnderway ? words.starting : words.sandbox}</Button>
      {error && <ErrorNotice title={words.sandboxFailed} message={error.message} hint={error.hint} />}
    </section>
  );
}

function Facts() {
  return (
    <section className="first-facts" aria-label={words.connectTitle}>
      <h3>{words.connectTitle}</h3>
      <ul className="ticks">
        {words.connectFacts.map((fact) => <li key={fact}><Check size={14} strokeWidth={1.5} aria-hidden />{fact}</li>)}
      </ul>
    </section>
  );
}
