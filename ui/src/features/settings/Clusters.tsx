import { useState } from "react";

import type { CommandError, Context } from "../../bindings/wire";
import { asRefusal } from "../../bridge/bridge";
import { useBridge } from "../../bridge/use-bridge";
import { LookAgain } from "../../components/LookAgain";
import { Switch } from "../../components/Switch";
import { Waiting } from "../../components/Waiting";
import { useContexts } from "../../state/use-contexts";
import { useStore } from "../../state/use-desk";
import { Setting } from "./Setting";
import { words } from "./words";

const text = words.clusters;

export const KubeconfigFiles = () => <Setting name={text.filesName} help={text.files} isWide />;

export function ContextsSetting() {
  const { answer, isAsking, askAgain } = useContexts();
  if (answer.state === "asking") return <Waiting words={text.reading} rows={4} />;
  if (answer.state === "refused") {
    return <Setting name={text.filesName} error={answer.error}><LookAgain isAsking={isAsking} onLookAgain={askAgain} /></Setting>;
  }
  if (answer.value.length === 0) {
    return <Setting name={text.none}><LookAgain isAsking={isAsking} onLookAgain={askAgain} /></Setting>;
  }
  return answer.value.map((context) => <ContextSetting key={context.name} context={context} onMarked={askAgain} />);
}

function ContextSetting({ context, onMarked }: { context: Context; onMarked: () => void }) {
  const bridge = useBridge();
  const store = useStore();
  const [error, setError] = useState<CommandError | null>(null);
  const mark = (isProduction: boolean) => {
    setError(null);
    bridge.ask("mark_context", { context: context.name, isProduction }).then(
      // The preferences know the mark as well.
      () => { onMarked(); store.askAgain(); },
      (thrown: unknown) => { setError(asRefusal(thrown).error); },
    );
  };
  const help = [
    `${context.user} at ${context.cluster}`,
    ...(context.isCurrent ? [text.current] : []),
    ...(context.isSandbox ? [text.sandbox] : []),
  ].join(", ");
  return (
    <Setting name={context.name} help={help} error={error}>
      <span className={context.isProduction ? "prod prod-on" : "prod"}>{text.mark}</span>
      <Switch aria-label={text.production(context.name)} isSelected={context.isProduction} onChange={mark} />
    </Setting>
  );
}
