// An intercept from wish to proof: what is asked for at the left, what it changes at the right, and nothing done before it was
// seen. Slides over the list without locking it.

import { Spline, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState, type KeyboardEvent } from "react";
import { Button as IconButton } from "react-aria-components";

import type { InterceptWish } from "../../bindings/wire";
import { useAct } from "../../bridge/use-act";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import "../../components/field.css";
import "../../components/tip.css";
import { hasCtrl } from "../../components/platform";
import { useNow } from "../../components/use-now";
import { useIntercepts, usePreferences, useWatched } from "../../state/use-desk";
import { freeListener } from "../../state/wish";
import { MatchPart } from "./MatchPart";
import { MoreParts, TunnelPart } from "./MoreParts";
import { PlanPart } from "./PlanPart";
import "./sheet.css";
import { OpenFoot, PlannedFoot } from "./SheetFoot";
import { TargetPart } from "./TargetPart";
import { usePlan, useTargetCheck } from "./use-plan";
import { activeFor, words } from "./words";

interface Props {
  /** What it begins with; give the sheet another key for another one. */
  wish: InterceptWish;
  onClose: () => void;
}

export function Sheet({ wish: begun, onClose }: Props) {
  const bridge = useBridge();
  const intercepts = useIntercepts();
  const [preferences] = usePreferences();
  const { answer } = useAnswer(useCallback(() => bridge.ask("list_listeners", {}), [bridge]));
  const listeners = answer.state === "answered" ? answer.value : [];
  const [changes, setChanges] = useState<Partial<InterceptWish>>({});
  const guessed = begun.target === "" ? String(freeListener(listeners, intercepts)?.port ?? "") : begun.target;
  const [key, setKey] = useState<number | null>(null);
  const view = intercepts.find((each) => each.key === key) ?? null;
  const wish: InterceptWish = view?.wish ?? { ...begun, target: guessed, ...changes };
  const isOpen = view !== null;
  const plan = usePlan(wish, isOpen || answer.state === "asking");
  const opening = useAct(() => bridge.ask("open_intercept", { wish }), setKey);
  const sheet = useFocusInAndBack();

  const canApply = plan.plan?.isPossible === true && !plan.isPlanning && plan.error === null && !opening.isUnderway && !isOpen;
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) onClose();
    if (event.key === "Enter" && hasCtrl(event) && canApply) opening.begin();
  };
  const error = plan.error ?? opening.error;
  const part = { wish, error, isDisabled: isOpen, onWish: (change: Partial<InterceptWish>) => { setChanges((before) => ({ ...before, ...change })); } };
  const check = useTargetCheck(wish.target);
  const service = useWatched()?.services.find(({ namespace, name }) => namespace === wish.namespace && name === wish.service) ?? null;
  const header = { name: preferences?.defaultHeader ?? "X-C6O-INTERCEPT", value: preferences?.defaultValue ?? "yes" };

  return (
    <div className="sheet" role="dialog" aria-labelledby="sheet-title" tabIndex={-1} ref={sheet} onKeyDown={keys}>
      <Head wish={wish} since={view?.phase.phase === "active" ? view.since : null} isProduction={preferences?.productionContexts.includes(wish.context) ?? false} onClose={onClose} />
      <div className="sheet-body">
        <div className="sheet-left">
          <div className="sheet-fields">
            <MatchPart {...part} header={header} />
            <TargetPart {...part} listeners={listeners} intercepts={intercepts.filter((each) => each.key !== key)} check={check} />
            <TunnelPart />
            <MoreParts {...part} service={service} />
          </div>
          {plan.plan && <p className="sheet-sentence"><Spline size={16} strokeWidth={1.5} aria-hidden /><span>{plan.plan.sentence}</span></p>}
        </div>
        <div className="sheet-right"><PlanPart plan={plan} steps={view?.steps ?? []} /></div>
      </div>
      {view ? (
        <OpenFoot view={view} onAgain={() => { setKey(null); }} onClose={onClose} />
      ) : (
        <PlannedFoot
          service={wish.service} plan={plan} isOpening={opening.isUnderway} onApply={opening.begin} onClose={onClose}
          error={opening.error?.field === null ? opening.error : null}
        />
      )}
    </div>
  );
}

interface HeadProps {
  wish: InterceptWish;
  /** Set while it stands. */
  since: number | null;
  isProduction: boolean;
  onClose: () => void;
}

function Head({ wish, since, isProduction, onClose }: HeadProps) {
  const now = useNow(1_000);
  return (
    <header className="sheet-head">
      <Spline size={16} strokeWidth={1.5} aria-hidden />
      <h2 id="sheet-title" className="sheet-title">{words.title(wish.service)}</h2>
      <span className="quiet">{wish.namespace} · {wish.context}</span>
      {isProduction && <span className="sheet-prod">{words.production}</span>}
      {since !== null && <span className="sheet-active"><Spline size={14} strokeWidth={1.5} aria-hidden />{activeFor({ since }, now)}</span>}
      <IconButton className="sheet-close" aria-label={words.close} onPress={onClose}><X size={16} strokeWidth={1.5} aria-hidden /></IconButton>
    </header>
  );
}

/** The focus goes in when the sheet comes, and back to where it was when it goes. */
function useFocusInAndBack() {
  const sheet = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    sheet.current?.focus();
    return () => { if (before instanceof HTMLElement && before.isConnected) before.focus(); };
  }, []);
  return sheet;
}
