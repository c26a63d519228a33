// Composes the Services screen: the first start until a cluster is chosen, then its Services, and the sheet over them.

import { useCallback, useEffect, useRef } from "react";

import type { InterceptWish } from "../bindings/wire";
import { ContextMenu } from "../features/contexts/ContextMenu";
import { NamespaceField } from "../features/contexts/NamespaceField";
import { FirstStart } from "../features/first-start/FirstStart";
import { ServicesScreen } from "../features/services/ServicesScreen";
import { useContexts } from "../state/use-contexts";
import { usePreferences, useStore, useWatched } from "../state/use-desk";
import { CommandsButton } from "./CommandsButton";

interface Props {
  onSheet: (wish: InterceptWish) => void;
}

export function Home({ onSheet }: Props) {
  const { watch, prefer } = useStore();
  const [preferences] = usePreferences();
  const watched = useWatched();
  const { answer, isAsking, askAgain } = useContexts();
  const contexts = answer.state === "answered" ? answer.value : none;

  const connect = useCallback((name: string, own?: string | null) => {
    if (preferences?.hasSeenFirstStart === false) prefer({ hasSeenFirstStart: true }).catch(() => undefined);
    watch(name, preferences?.namespaces[name] ?? own ?? null);
  }, [watch, prefer, preferences]);

  // The cluster that was shown last, once; the sandbox needs no choosing, since nobody has another reason to start it.
  const hasBegun = useRef(false);
  const sandbox = contexts.find(({ isSandbox }) => isSandbox);
  const last = preferences?.hasSeenFirstStart === true ? contexts.find(({ name }) => name === preferences.lastContext) : undefined;
  const atFirst = sandbox ?? last;
  const isElsewhere = sandbox !== undefined && watched?.context !== sandbox.name;
  useEffect(() => {
    if (atFirst === undefined || (hasBegun.current && !isElsewhere)) return;
    hasBegun.current = true;
    if (watched === null || isElsewhere) connect(atFirst.name, null);
  }, [atFirst, isElsewhere, watched, connect]);

  if (watched === null) {
    if (preferences === null || atFirst !== undefined) return null;
    return (
      <FirstStart
        contexts={answer} isAsking={isAsking} onLookAgain={askAgain} onSandbox={askAgain}
        onChoose={(name) => { connect(name, contexts.find((each) => each.name === name)?.namespace); }}
        onSkip={preferences.hasSeenFirstStart ? null : () => { prefer({ hasSeenFirstStart: true }).catch(() => undefined); }}
      />
    );
  }
  return (
    <ServicesScreen
      key={watched.context}
      watched={watched}
      places={
        <>
          <ContextMenu contexts={contexts} chosen={watched.context} onChoose={({ name, namespace }) => { connect(name, namespace); }} onLookAgain={askAgain} />
          <NamespaceField context={watched.context} namespace={watched.namespace} onChoose={(namespace) => { watch(watched.context, namespace); }} />
        </>
      }
      end={<CommandsButton />}
      onSheet={onSheet}
      onLookAgain={() => { watch(watched.context, watched.namespace); }}
      onAllNamespaces={() => { watch(watched.context, null); }}
    />
  );
}

const none: never[] = [];
