// Everybody else's intercepts of a Service. One can be taken out, after a second question in its place.

import { User } from "lucide-react";
import { useState } from "react";

import type { InterceptSummary } from "../../bindings/wire";
import { useAct } from "../../bridge/use-act";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { span } from "../../components/time-words";
import { useNow } from "../../components/use-now";
import { ownerWords, pane, ruleWords } from "./words";

export function Others({ context, others }: { context: string; others: readonly InterceptSummary[] }) {
  return (
    <section className="pane-part">
      <h3 className="pane-label">{pane.also}</h3>
      {others.map((each) => <Other key={each.id} context={context} intercept={each} />)}
    </section>
  );
}

function Other({ context, intercept }: { context: string; intercept: InterceptSummary }) {
  const bridge = useBridge();
  const now = useNow();
  const [isAsking, setIsAsking] = useState(false);
  const { namespace, service, id } = intercept;
  const { begin, isUnderway, error } = useAct(
    () => bridge.ask("close_others_intercept", { context, namespace, service, id }),
    () => { setIsAsking(false); },
  );
  return (
    <div className="other">
      <p className="other-who">
        <User size={14} strokeWidth={1.5} aria-hidden />
        <span>{ownerWords(intercept)}</span>
        <span className="other-age">{span(now - intercept.created)}</span>
        {!isAsking && <Button look="quiet" onPress={() => { setIsAsking(true); }}>{pane.takeOut}</Button>}
      </p>
      <p className="mono other-rule" title={intercept.rule}>{ruleWords(intercept.rule)}</p>
      {isAsking && (
        <div className="other-question">
          <p>{pane.takeOutQuestion(ownerWords(intercept))}</p>
          <Button onPress={begin} isDisabled={isUnderway}>{pane.takeOut}</Button>
          <Button look="quiet" onPress={() => { setIsAsking(false); }}>{pane.cancel}</Button>
        </div>
      )}
      {error && <p className="field-error" role="alert">{error.message} {error.hint}</p>}
    </div>
  );
}
