// What is known of the chosen place in a sentence, and what can be done about it.

import { CircleX } from "lucide-react";
import { useCallback } from "react";

import type { InterceptView, Listener } from "../../bindings/wire";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { likelyListeners } from "./listeners";
import { isOver, type Stop } from "./way";
import { placeNames, words } from "./words";

interface Props {
  view: InterceptView;
  stop: Stop;
  isLooking: boolean;
  onLookAgain: () => void;
  onStop: () => void;
  isStopping: boolean;
  /** Stop, then the sheet with this target; with an empty one to be typed. */
  onTarget: (target: string) => void;
}

export function PlaceCard(props: Props) {
  const { stop, view, isLooking, onLookAgain, onStop, isStopping } = props;
  const isBad = stop.state === "bad";
  const isProgramAway = isBad && stop.place === "program";
  const lives = !isOver(view);
  return (
    <section className={`tun-card tun-place ${isBad ? "tun-place-bad" : ""}`} aria-label={words.knownOf(placeNames[stop.place])} aria-live="polite">
      <h2 className="tun-card-title">
        {isBad && <CircleX className="tun-place-cross" size={16} strokeWidth={1.5} aria-hidden />}
        {isProgramAway ? words.nothingListens(view.target) : placeNames[stop.place]}
      </h2>
      {isProgramAway && lives ? (
        <ProgramAway {...props} />
      ) : (
        <>
          <p className="selectable">{stop.words}</p>
          <div className="tun-place-acts">
            <LookAgain isAsking={isLooking} onLookAgain={onLookAgain} />
            {isBad && lives && <Button look="quiet" onPress={onStop} isDisabled={isStopping}>{words.stop}</Button>}
          </div>
        </>
      )}
    </section>
  );
}

function ProgramAway({ view, stop, isLooking, onLookAgain, onStop, isStopping, onTarget }: Props) {
  const bridge = useBridge();
  const { answer, askAgain } = useAnswer(useCallback(() => bridge.ask("list_listeners", {}), [bridge]));
  const others: Listener[] = answer.state === "answered" ? likelyListeners(answer.value, view.target) : [];
  const [first] = others;
  return (
    <>
      <p className="selectable">
        {stop.words} {words.opensByItself}
        {first && ` ${words.listensNow(first.program, first.port)}`}
      </p>
      <div className="tun-place-acts">
        {others.map((listener, index) => (
          <Button
            key={listener.port}
            look={index === 0 ? "primary" : "plain"}
            isDisabled={isStopping}
            aria-label={`${words.use(listener.port)} (${listener.program})`}
            onPress={() => { onTarget(String(listener.port)); }}
          >
            {words.use(listener.port)}
          </Button>
        ))}
        <Button isDisabled={isStopping} onPress={() => { onTarget(""); }}>{words.otherTarget}</Button>
        <LookAgain isAsking={isLooking} onLookAgain={() => { askAgain(); onLookAgain(); }} />
        <Button look="quiet" isDisabled={isStopping} onPress={onStop}>{words.stop}</Button>
      </div>
      <p className="tun-quiet">{words.restartNote}</p>
    </>
  );
}
