// The way of a request, hop by hop: what is connected, how long it takes, where it stops, and what to do about it.

import { useState } from "react";

import type { InterceptView } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import { useIntercepts, useKnown, useStore } from "../../state/use-desk";
import { useGo } from "../../state/use-go";
import "./hop-line.css";
import { InterceptWay } from "./InterceptWay";
import "./tunnel.css";
import { words } from "./words";

const isOver = (view: InterceptView): boolean => view.phase.phase === "closed";

/** `intercept` is the key of the one to begin with. */
export function TunnelScreen({ intercept = null }: { intercept?: number | null }) {
  const intercepts = useIntercepts();
  const [byHand, setByHand] = useState<number | null>(null);
  const find = (key: number | null) => intercepts.find((view) => view.key === key);
  const view = find(byHand) ?? find(intercept) ?? intercepts.find((one) => !isOver(one)) ?? intercepts[0];
  return (
    <main className="tunnel" aria-label={words.screen}>
      {view ? <InterceptWay key={view.key} view={view} all={intercepts} onChoose={setByHand} /> : <NoIntercept />}
    </main>
  );
}

function NoIntercept() {
  const go = useGo();
  const store = useStore();
  const error = useKnown((known) => known.error);
  const isKnown = useKnown((known) => known.program !== null);
  if (error) {
    return <ErrorNotice title={words.noAnswer} message={error.message} hint={error.hint} acts={<LookAgain look="primary" onLookAgain={store.askAgain} />} />;
  }
  if (!isKnown) return <Waiting words={words.reading} />;
  return (
    <Notice title={words.none.title} acts={<Button look="primary" onPress={() => { go({ screen: "services" }); }}>{words.none.act}</Button>}>
      <p>{words.none.body}</p>
    </Notice>
  );
}
