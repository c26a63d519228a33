// One intercept: its bar, its line, what is known of the chosen place, and what has passed.

import { useCallback, useMemo, useState } from "react";

import type { CommandError, InterceptView } from "../../bindings/wire";
import { asRefusal } from "../../bridge/bridge";
import { useBridge } from "../../bridge/use-bridge";
import { useOffer } from "../../state/offers";
import { useTimeline, useTraffic } from "../../state/use-desk";
import { useGo } from "../../state/use-go";
import { Bar } from "./Bar";
import { Callers } from "./Callers";
import { HopLine } from "./HopLine";
import { Misses } from "./Misses";
import { PlaceCard } from "./PlaceCard";
import { Rates } from "./Rates";
import { NgrokCard, RelayCard } from "./RelayCard";
import { Said } from "./Said";
import { Timeline } from "./Timeline";
import { useLetter } from "./use-letter";
import { useNow, useProbe, useTarget } from "./use-probe";
import { firstBroken, isOriginAlone, isOver, wayOf } from "./way";
import { words, type StopPlace } from "./words";

interface Props {
  view: InterceptView;
  all: readonly InterceptView[];
  onChoose: (key: number) => void;
}

export function InterceptWay({ view, all, onChoose }: Props) {
  const traffic = useTraffic(view.key);
  const timeline = useTimeline();
  const now = useNow();
  const [chosenByHand, setChosen] = useState<StopPlace | null>(null);
  const { check, lookAgain } = useTarget(view);
  const tests = useProbe(view, check);
  const { stop, retarget, isStopping, error } = useEnding(view);
  const known = { view, traffic, probe: tests.probe?.report ?? null, target: check };
  const way = wayOf(known);
  const isAlone = isOriginAlone(known);
  const broken = firstBroken(way);
  const chosen = chosenByHand ?? broken;
  const chosenStop = way.find((one) => one.place === chosen);

  const test = useTestKey(tests.begin, lookAgain, tests.isUnderway);

  return (
    <>
      <Bar view={view} all={all} onChoose={onChoose} isOriginAlone={isAlone} onTest={test} isTesting={tests.isUnderway} />
      <div className="tunnel-scroll">
        <Said view={view} isExplained={broken !== null} probe={tests.probe} error={tests.error ?? error} now={now} />
        <HopLine way={way} chosen={chosen} onChoose={setChosen} isOriginAlone={isAlone} />
        <div className="tunnel-body">
          <div className="tunnel-main">
            {chosenStop ? (
              <PlaceCard
                view={view}
                stop={chosenStop}
                isLooking={tests.isUnderway}
                onLookAgain={chosen === "program" ? lookAgain : test}
                onStop={stop}
                isStopping={isStopping}
                onTarget={retarget}
              />
            ) : <Overview view={view} />}
            <div className="tunnel-pair">
              <RelayCard view={view} probe={known.probe} now={now} />
              <NgrokCard />
            </div>
            <Misses traffic={traffic} now={now} />
            <Callers traffic={traffic} now={now} />
          </div>
          <aside className="tunnel-side" aria-label={words.side}>
            <Rates traffic={traffic} curl={view.curl} />
            <Timeline entries={timeline} of={view.key} now={now} />
          </aside>
        </div>
      </div>
    </>
  );
}

function Overview({ view }: { view: InterceptView }) {
  const { service, namespace } = view.wish;
  return (
    <section className="tun-card tun-place" aria-label={words.overview}>
      <h2 className="tun-card-title">{words.overview}</h2>
      <p className="selectable">{isOver(view) ? words.overviewOver : words.overviewOf(view.rule, `${service}.${namespace}`, view.target)}</p>
      <p className="tun-quiet">{words.overviewHint}</p>
    </section>
  );
}

/** Stopping, and stopping for another target: that goes through the sheet, so that the plan is seen first. */
function useEnding({ key, wish }: InterceptView) {
  const bridge = useBridge();
  const go = useGo();
  const [isStopping, setStopping] = useState(false);
  const [error, setError] = useState<CommandError | null>(null);
  const end = (next: string | null) => {
    setStopping(true);
    setError(null);
    bridge.ask("stop_intercept", { key })
      .then(
        () => { if (next !== null) go({ screen: "sheet", wish: { ...wish, target: next } }); },
        (thrown: unknown) => { setError(asRefusal(thrown).error); },
      )
      .finally(() => { setStopping(false); });
  };
  return { stop: () => { end(null); }, retarget: end, isStopping, error };
}

function useTestKey(begin: () => void, lookAgain: () => void, isUnderway: boolean): () => void {
  const test = useCallback(() => {
    if (isUnderway) return;
    lookAgain();
    begin();
    // `begin` is another function in each drawing and does the same each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isUnderway, lookAgain]);
  useLetter("t", test);
  useOffer(useMemo(() => [{ id: "tunnel.test", title: words.test, group: words.screen, keys: "T", run: test }], [test]));
  return test;
}
