// Always in sight: where, how many intercepts, whether the way to the laptop stands, and the way to stop it all.

import { Spline, Square } from "lucide-react";

import { useAct } from "../bridge/use-act";
import { useBridge } from "../bridge/use-bridge";
import { Button } from "../components/Button";
import { Dot } from "../components/Dot";
import { useAllTraffic, useIntercepts, useProgram, useWatched } from "../state/use-desk";
import { activeWords, isLive, minuteOf, placeWords, relayWords } from "./strip";

export function StatusStrip() {
  const intercepts = useIntercepts();
  const place = placeWords(useWatched());
  const relay = relayWords(intercepts);
  const minute = minuteOf(intercepts, useAllTraffic());
  const program = useProgram();
  const hasLive = intercepts.some(isLive);
  return (
    <footer className="strip" aria-label="State">
      <span className="strip-part"><Dot tone={place.tone} />{place.words}</span>
      <span className={hasLive ? "strip-part strip-mine" : "strip-part"} role="status">
        <Spline size={14} strokeWidth={1.5} aria-hidden />{activeWords(intercepts)}
      </span>
      {relay && <span className={`strip-part strip-grow strip-${relay.tone}`} title={relay.words}>{relay.words}</span>}
      {minute && (
        <span className="strip-part strip-minute">
          {minute.matched} requests a minute matched, {minute.unmatched} did not
        </span>
      )}
      <span className="strip-end">
        {program && <span className="strip-owner">{program.owner}</span>}
        <StopAll isDisabled={!hasLive} />
      </span>
    </footer>
  );
}

function StopAll({ isDisabled }: { isDisabled: boolean }) {
  const bridge = useBridge();
  const { begin, isUnderway } = useAct(() => bridge.ask("stop_all", {}));
  return (
    <Button look="quiet" onPress={begin} isDisabled={isDisabled || isUnderway}>
      <Square size={12} strokeWidth={1.5} aria-hidden />
      {isUnderway ? "Restoring…" : "Stop all"}
    </Button>
  );
}
