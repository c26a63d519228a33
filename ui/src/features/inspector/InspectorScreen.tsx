// The inspector: requests as they pass, one of them in detail, and what can be done with them.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { useAllTraffic, useIntercepts, usePreferences } from "../../state/use-desk";
import { AskStrip } from "./AskStrip";
import { useActs, type Mode } from "./acts";
import { CompareView } from "./CompareView";
import { Detail } from "./Detail";
import { EditPane } from "./EditPane";
import { FilterBar } from "./FilterBar";
import { InspectorBar } from "./InspectorBar";
import { ListFoot } from "./ListFoot";
import { ListPane } from "./ListPane";
import { useFeed } from "./use-feed";
import { useFilter } from "./use-filter";
import { useInspectorKeys } from "./use-inspector-keys";
import { useSelected } from "./use-selected";
import { ValueMenu, type MenuAt } from "./ValueMenu";
import { WhyNot } from "./WhyNot";
import "./inspector.css";

const look: Mode = { kind: "look" };

export function InspectorScreen() {
  const bridge = useBridge();
  const intercepts = useIntercepts();
  const traffic = useAllTraffic();
  const [preferences] = usePreferences();
  const filter = useFilter(preferences?.savedFilters ?? []);
  const hidesHealth = preferences?.hidesHealthChecks ?? true;
  const [scope, setScope] = useState("");
  const [feed, view] = useFeed({ filter: filter.value, isOff: filter.isOff, hidesHealth, scope });
  const selected = useSelected(useCallback(() => feed.view().list, [feed]));
  const [mode, setMode] = useState<Mode>(look);
  const [menu, setMenu] = useState<MenuAt | null>(null);
  const { answer: mocks, askAgain: askMocks } = useAnswer(useCallback(() => bridge.ask("list_mocks", {}), [bridge]));
  const done = useActs({ bridge, feed, selected, onMode: setMode, onMocks: askMocks });
  const input = useRef<HTMLInputElement>(null);
  const root = useRef<HTMLDivElement>(null);

  const [isAtTop, setAtTop] = useState(true);
  const isHeld = selected.cursor !== null;
  useEffect(() => { feed.follow(isAtTop && !isHeld); }, [feed, isAtTop, isHeld, view.list]);

  const toList = useCallback(() => { root.current?.querySelector<HTMLElement>("[role=grid]")?.focus(); }, []);
  const close = useCallback(() => {
    setMode(look);
    selected.choose(null);
    toList();
  }, [selected, toList]);
  const isPaused = view.usage?.isPaused ?? false;
  const pause = useCallback(() => {
    done.attempt(async () => {
      await bridge.ask("pause_recording", { isPaused: !isPaused });
      feed.paused(!isPaused);
      return isPaused ? "Recording goes on." : "Recording is paused. Requests pass as before.";
    });
  }, [bridge, done, feed, isPaused]);
  useInspectorKeys(root, useMemo(() => ({
    acts: done.acts, close, pause, toggleFilter: filter.toggleOff, isComparing: mode.kind === "compare",
    focusFilter: () => { input.current?.focus(); }, chooseAll: () => { selected.chooseAll(feed.view().list); },
  }), [done.acts, close, pause, filter.toggleOff, mode.kind, selected, feed]));

  // Another request was chosen: its detail, not the edited one or the comparison.
  const edited = mode.kind === "edit" ? mode.id : null;
  const isEditing = edited !== null && edited === selected.cursor;

  if (mode.kind === "compare") {
    return (
      <main className="inspector" ref={root} aria-label="Inspector">
        {done.asking && <AskStrip asking={done.asking} onAnswer={done.answerAsking} />}
        <CompareView
          key={`${mode.left}-${mode.right}`} comparison={mode} onAgain={done.acts.compare}
          onClose={() => { setMode(look); queueMicrotask(toList); }}
        />
      </main>
    );
  }
  return (
    <main className="inspector" ref={root} aria-label="Inspector">
      <InspectorBar
        intercepts={intercepts} scope={scope} onScope={setScope} view={view} selected={selected} isPaused={isPaused} onPause={pause} done={done}
        mocks={mocks.state === "answered" ? mocks.value : []} onMocks={askMocks} feed={feed} filter={filter.value}
      />
      <div className="inspector-panes" data-open={isHeld || undefined}>
        <div className="inspector-list">
          <FilterBar filter={filter} view={view} hidesHealth={hidesHealth} inputRef={input} onLeave={toList} intercepts={intercepts} />
          <WhyNot intercepts={intercepts} traffic={traffic} />
          {done.asking && <AskStrip asking={done.asking} onAnswer={done.answerAsking} />}
          <ListPane
            feed={feed} view={view} selected={selected} onTop={setAtTop} onMenu={setMenu} onOpen={() => { root.current?.querySelector<HTMLElement>(".detail [role=toolbar] button")?.focus(); }}
            hasFilter={filter.value.trim() !== "" && !filter.isOff} hasIntercept={intercepts.some(({ ending }) => ending === null)}
            onClearFilter={() => { filter.set(""); }} onNewest={() => { selected.choose(null); setAtTop(true); feed.follow(true); }}
          />
          <ListFoot view={view} isFollowing={view.isFollowing} said={done.said} />
        </div>
        {selected.cursor !== null && (
          <Detail key={selected.cursor} id={selected.cursor} summary={view.list.find(selected.cursor)} acts={done.acts} onClose={close}>
            {isEditing ? (
              <EditPane
                id={selected.cursor} onClose={() => { setMode(look); queueMicrotask(toList); }}
                onCompare={(comparison) => { setMode({ kind: "compare", ...comparison }); }}
              />
            ) : null}
          </Detail>
        )}
      </div>
      {menu && <ValueMenu at={menu} onClose={() => { setMenu(null); }} onTerm={filter.add} acts={done.acts} onChoose={selected.choose} />}
    </main>
  );
}
