// What can be looked at afresh: whether the local program takes connections, and a request sent along the whole way.

import { useCallback, useEffect, useState } from "react";

import type { InterceptView, ProbeReport, TargetCheck } from "../../bindings/wire";
import { useAct, type Act } from "../../bridge/use-act";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";

const patienceMs = 3_000;

/** Asked once, and again after each trouble; by the clock only while nothing listens, since a refusal disturbs nobody. */
export function useTarget({ wish: { target }, trouble }: InterceptView): { check: TargetCheck | null; lookAgain: () => void } {
  const bridge = useBridge();
  const ask = useCallback(() => bridge.ask("check_target", { target }), [bridge, target]);
  const { answer, askAgain } = useAnswer(ask);
  const check = answer.state === "answered" ? answer.value : null;
  useEffect(() => { if (trouble !== null) askAgain(); }, [trouble, askAgain]);
  useEffect(() => {
    if (check?.isListening !== false) return undefined;
    const timer = window.setInterval(askAgain, patienceMs);
    return () => { window.clearInterval(timer); };
  }, [check?.isListening, askAgain]);
  return { check, lookAgain: askAgain };
}

export interface Probe {
  report: ProbeReport;
  at: number;
}

/** The last probe, as long as what it met is what there is. */
export function useProbe(view: InterceptView, check: TargetCheck | null): Act & { probe: Probe | null } {
  const bridge = useBridge();
  const [kept, setKept] = useState<(Probe & { met: string }) | null>(null);
  const met = JSON.stringify([view.key, view.phase, view.trouble, view.relays, check?.isListening ?? true]);
  const act = useAct(
    () => bridge.ask("probe_intercept", { key: view.key }),
    (report) => { setKept({ report, at: Date.now(), met }); },
  );
  return { ...act, probe: kept?.met === met ? kept : null };
}

/** The time, every so often, for words such as "12 s ago". */
export function useNow(everyMs = 5_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => { setNow(Date.now()); }, everyMs);
    return () => { window.clearInterval(timer); };
  }, [everyMs]);
  return now;
}
