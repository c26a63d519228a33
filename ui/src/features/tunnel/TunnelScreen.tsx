// The way of a request, hop by hop: what is connected, how long it takes, where it stops, and what to do about it.

import { useState } from "react";

import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import { useIntercepts, useKnown, useStore } from "../../state/use-desk";
import { useGo } from "../../state/use-go";
import "./hop-line.css";
import { InterceptWay } from "./InterceptWay";
import "./tunnel.css";
import { isOver } from "./way";
import { words } from "./words";

/** `intercept` is the key of the one to begin with. */
export function TunnelScreen({ intercept = null }: { intercept?: number | null }) {
  const intercepts = useIntercepts();
  const [asked, setAsked] = useState(intercept);
  const [shown, setShown] = useState(intercept);
  const find = (key: number | null) => intercepts.find((view) => view.key === key);
  const isAskedAnew = asked !== intercept;
  const view = find(isAskedAnew ? intercept : shown) ?? intercepts.find((one) => !isOver(one)) ?? intercepts[0];
  if (isAskedAnew) setAsked(intercept);
  // It stays in sight when it ends: what it came to is said here.
  if (view && view.key !== shown) setShown(view.key);
  return (
    <main className="tunnel" aria-label={words.screen}>
      {view ? <InterceptWay key={view.key} view={view} all={intercepts} onChoose={setShown} /> : <NoIntercept />}
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
