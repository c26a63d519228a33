import { Copy, Zap } from "lucide-react";
import { useState } from "react";

import type { InterceptView } from "../../bindings/wire";
import { useAct } from "../../bridge/use-act";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { Picker } from "../../components/Picker";
import { isOver } from "./way";
import { phaseSentence, words } from "./words";

interface Props {
  view: InterceptView;
  all: readonly InterceptView[];
  onChoose: (key: number) => void;
  /** Whether the origin answers every request now. */
  isOriginAlone: boolean;
  onTest: () => void;
  isTesting: boolean;
}

const nameOf = ({ wish, target }: InterceptView): string => `${wish.service}.${wish.namespace} to ${target}`;

export function Bar({ view, all, onChoose, isOriginAlone, onTest, isTesting }: Props) {
  return (
    <header className="tunnel-bar">
      <h1 className="visually-hidden">{words.screen}</h1>
      <Picker
        label={words.choose}
        options={all.map((one) => ({ id: one.key, name: nameOf(one) }))}
        chosen={view.key}
        onChoose={onChoose}
      />
      <span className="tunnel-state">{isOriginAlone && view.phase.phase === "active" ? words.activeAlone : phaseSentence(view.phase)}</span>
      <span className="tunnel-grow" />
      <Button onPress={onTest} isDisabled={isTesting || isOver(view)}>
        <Zap size={14} strokeWidth={1.5} aria-hidden />
        {isTesting ? words.testing : words.test}
        <kbd className="key" aria-hidden>T</kbd>
      </Button>
      <CopyDiagnostics />
    </header>
  );
}

function CopyDiagnostics() {
  const { ask, shell } = useBridge();
  const [isCopied, setCopied] = useState(false);
  const act = useAct(async () => { await shell.copyText(await ask("diagnostics", {})); }, () => { setCopied(true); });
  return (
    <>
      <Button look="quiet" onPress={act.begin} isDisabled={act.isUnderway}>
        <Copy size={14} strokeWidth={1.5} aria-hidden />
        {isCopied && !act.error ? words.copied : words.copyDiagnostics}
      </Button>
      {act.error && <span className="tunnel-state" role="alert">{act.error.message} {act.error.hint}</span>}
    </>
  );
}
