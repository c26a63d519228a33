// Listens to the program for as long as the window stands, and keeps what it tells.

import type { Goal, Preferences } from "../bindings/wire";
import { asRefusal, type Bridge } from "../bridge/bridge";
import { after, afterServices, nothingYet, type Snapshot } from "./snapshot";

export interface Store {
  get: () => Snapshot;
  subscribe: (onChange: () => void) => () => void;
  /** Listens, and asks what a window needs first. The returned function ends it. */
  begin: () => () => void;
  askAgain: () => void;
  /** Watches Services, and remembers which. */
  watch: (context: string, namespace: string | null) => void;
  /** Remembers preferences; those before come back where the program refuses, and the refusal is thrown. */
  prefer: (change: Partial<Preferences>) => Promise<void>;
  /** Hears what the program wants shown. */
  onGoal: (go: (goal: Goal) => void) => () => void;
}

export function createStore(bridge: Bridge): Store {
  let known = nothingYet;
  let watchRound = 0;
  const onChanges = new Set<() => void>();
  const goers = new Set<(goal: Goal) => void>();
  // Told while nothing was drawn yet: a link may be what started the program.
  let unheard: Goal | null = null;
  const set = (next: Snapshot) => {
    if (next === known) return;
    known = next;
    for (const onChange of onChanges) onChange();
  };

  const askAgain = () => {
    bridge.ask("hello", {}).then(
      ({ preferences, intercepts, timeline, ...program }) => { set({ ...known, program, preferences, intercepts, timeline, error: null }); },
      (thrown: unknown) => { set({ ...known, error: asRefusal(thrown).error }); },
    );
    bridge.ask("requests_usage", {}).then((usage) => { set({ ...known, usage }); }, () => undefined);
  };

  const prefer = async (change: Partial<Preferences>) => {
    const before = known.preferences;
    if (!before) return;
    const preferences = { ...before, ...change };
    set({ ...known, preferences });
    try {
      await bridge.ask("set_preferences", { preferences });
    } catch (thrown) {
      set({ ...known, preferences: before });
      throw asRefusal(thrown);
    }
  };

  return {
    get: () => known,
    subscribe: (onChange) => {
      onChanges.add(onChange);
      return () => { onChanges.delete(onChange); };
    },
    begin: () => {
      const end = bridge.listen((event) => {
        set(after(known, event));
        if (event.kind === "go" && goers.size === 0) unheard = event;
        if (event.kind === "go") for (const go of goers) go(event);
      });
      askAgain();
      return end;
    },
    askAgain,
    prefer,
    watch: (context, namespace) => {
      watchRound += 1;
      const round = watchRound;
      const isSame = known.watched?.context === context && known.watched.namespace === namespace;
      const kept = isSame && known.watched ? known.watched : { services: [], isKnown: false };
      set({ ...known, watched: { context, namespace, connection: { state: "connecting" }, notes: [], error: null, ...pick(kept) } });
      remember(context, namespace);
      bridge.ask("watch_services", { context, namespace }).then(
        (news) => { if (round === watchRound) set({ ...known, watched: afterServices(known.watched, news) }); },
        (thrown: unknown) => {
          if (round === watchRound && known.watched) set({ ...known, watched: { ...known.watched, error: asRefusal(thrown).error } });
        },
      );
    },
    onGoal: (go) => {
      goers.add(go);
      if (unheard) go(unheard);
      unheard = null;
      return () => { goers.delete(go); };
    },
  };

  function remember(context: string, namespace: string | null): void {
    const before = known.preferences;
    if (!before) return;
    const namespaces = Object.fromEntries(Object.entries(before.namespaces).filter(([name]) => name !== context));
    if (namespace !== null) namespaces[context] = namespace;
    if (before.lastContext === context && (before.namespaces[context] ?? null) === namespace) return;
    prefer({ lastContext: context, namespaces }).catch(() => undefined);
  }
}

const pick = ({ services, isKnown }: { services: NonNullable<Snapshot["watched"]>["services"]; isKnown: boolean }) => ({ services, isKnown });
