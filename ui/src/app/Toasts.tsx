// Endings of intercepts: that the cluster is restored, or that it is not and what to do. What ended well goes by itself.

import { Check, CircleX, X } from "lucide-react";
import { useEffect, useState } from "react";

import type { InterceptView } from "../bindings/wire";
import { useBridge } from "../bridge/use-bridge";
import { Button } from "../components/Button";
import { useIntercepts } from "../state/use-desk";
import { useGo } from "../state/use-go";

const goodMs = 8_000;

export function Toasts() {
  const [gone, setGone] = useState<readonly number[]>([]);
  const ended = useIntercepts().filter(({ key, ending }) => ending !== null && !gone.includes(key)).slice(-3);
  return (
    <section className="toasts" aria-label="Endings" aria-live="polite">
      {ended.map((view) => <Toast key={view.key} view={view} onGone={() => { setGone((before) => [...before, view.key]); }} />)}
    </section>
  );
}

function Toast({ view, onGone }: { view: InterceptView; onGone: () => void }) {
  const bridge = useBridge();
  const go = useGo();
  const { ending, wish, key } = view;
  const isGood = ending?.isRestored === true;
  useEffect(() => {
    if (!isGood) return undefined;
    const timer = window.setTimeout(onGone, goodMs);
    return () => { window.clearTimeout(timer); };
    // Only what it is decides: the function is another one at each drawing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isGood]);
  if (!ending) return null;
  const dismiss = () => {
    onGone();
    bridge.ask("dismiss_intercept", { key }).catch(() => undefined);
  };
  return (
    <div className="toast" role={isGood ? "status" : "alert"}>
      {isGood
        ? <Check className="toast-good" size={14} strokeWidth={1.5} aria-hidden />
        : <CircleX className="toast-bad" size={14} strokeWidth={1.5} aria-hidden />}
      <p className="toast-words">{ending.sentence}{ending.hint !== null && <span>{ending.hint}</span>}</p>
      {ending.kind !== "stopped" && <Button onPress={() => { go({ screen: "sheet", wish }); }}>Again</Button>}
      <Button look="quiet" aria-label={`Dismiss: ${wish.service}`} onPress={dismiss}><X size={14} strokeWidth={1.5} aria-hidden /></Button>
    </div>
  );
}
