// What stands in place of the list, and above it while the connection is not live.

import { Copy, Layers, RefreshCw } from "lucide-react";
import { useState } from "react";

import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import type { Watched } from "../../state/snapshot";
import { details, errorTitle, words } from "./words";

interface Props {
  watched: Watched;
  onLookAgain: () => void;
  onAllNamespaces: () => void;
}

export function InsteadOfList({ watched, onLookAgain, onAllNamespaces }: Props) {
  const { context, namespace, error } = watched;
  if (error) {
    return (
      <div className="services-words">
        <ErrorNotice
          title={errorTitle(error.code, context)} message={error.message} hint={error.hint}
          acts={<><LookAgain look="primary" onLookAgain={onLookAgain} /><CopyDetails text={details(error)} /></>}
        />
      </div>
    );
  }
  if (!watched.isKnown) return <Waiting words={words.connecting(context)} rows={14} />;
  return (
    <div className="services-words">
      <Notice
        title={words.noServices(namespace ?? context)}
        acts={
          <>
            <LookAgain onLookAgain={onLookAgain} />
            {namespace !== null && (
              <Button onPress={onAllNamespaces}><Layers size={14} strokeWidth={1.5} aria-hidden />{words.allNamespaces}</Button>
            )}
          </>
        }
      >
        <p>{words.noServicesHint}</p>
      </Notice>
    </div>
  );
}

function CopyDetails({ text }: { text: string }) {
  const { shell } = useBridge();
  const [isCopied, setIsCopied] = useState(false);
  return (
    <Button onPress={() => { void shell.copyText(text).then(() => { setIsCopied(true); }); }}>
      <Copy size={14} strokeWidth={1.5} aria-hidden />{isCopied ? words.copied : words.copyDetails}
    </Button>
  );
}

export function NothingMatches({ filter, onClear }: { filter: string; onClear: () => void }) {
  return (
    <div className="services-words">
      <Notice title={words.nothingMatches} acts={<Button onPress={onClear}>{words.emptyFilter}</Button>}>
        <p>No name, namespace, type or port has <span className="mono selectable">{filter}</span>.</p>
      </Notice>
    </div>
  );
}

/** Said above what is shown, while it may be old or is not all. */
export function ConnectionLine({ watched, onLookAgain }: { watched: Watched; onLookAgain: () => void }) {
  const { connection, notes, context, isKnown } = watched;
  const isGone = connection.state === "reconnecting";
  return (
    <div role="status">
      {isGone && (
        <div className="line line-warn">
          <RefreshCw size={14} strokeWidth={1.5} aria-hidden />
          <p><strong>{words.reconnecting(context)}</strong> {connection.why} {connection.hint}</p>
          <LookAgain look="quiet" onLookAgain={onLookAgain} />
        </div>
      )}
      {isKnown && notes.map((note) => <p key={note} className="line">{note}</p>)}
    </div>
  );
}
