// The main pane before a context is chosen.

import type { Context } from "../../bindings/wire";
import type { Answer } from "../../bridge/use-answer";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { FirstStart } from "./FirstStart";
import { refusalTitle } from "./refusal-title";

interface Props {
  answer: Answer<Context[]>;
  onChoose: (context: string) => void;
  onLookAgain: () => void;
}

export function NoContextChosen(props: Props) {
  return (
    <main className="unchosen">
      <Words {...props} />
    </main>
  );
}

function Words({ answer, onChoose, onLookAgain }: Props) {
  if (answer.state === "asking") return null;
  if (answer.state === "refused") {
    const { code, message, hint } = answer.error;
    if (code === "kubeconfigMissing") return <FirstStart why={answer.error} onLookAgain={onLookAgain} />;
    const acts = <LookAgain look="primary" onLookAgain={onLookAgain} />;
    return <ErrorNotice title={refusalTitle(code)} message={message} hint={hint} acts={acts} />;
  }
  const contexts = answer.value;
  if (contexts.length === 0) return <FirstStart why={null} onLookAgain={onLookAgain} />;
  const current = contexts.find((context) => context.isCurrent);
  return (
    <Notice title={`${counted(contexts.length, "context")} found`} acts={current && <ChooseCurrent context={current} onChoose={onChoose} />}>
      <p>None has been contacted yet. Choose one to read its Services; reading changes nothing in the cluster.</p>
    </Notice>
  );
}

function ChooseCurrent({ context, onChoose }: { context: Context; onChoose: (context: string) => void }) {
  return (
    <Button look="primary" onPress={() => { onChoose(context.name); }}>
      Read {context.name}
    </Button>
  );
}
