// The list in its states: read, refused, nothing yet, nothing found, rows.

import { ArrowUp } from "lucide-react";
import type { MouseEvent } from "react";
import { useCallback } from "react";

import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import { useGo } from "../../state/use-go";
import { RequestTable } from "./RequestTable";
import type { FeedView, RequestFeed } from "./request-feed";
import type { Selected } from "./use-selected";
import { menuAt, type MenuAt } from "./ValueMenu";

interface Props {
  feed: RequestFeed;
  view: FeedView;
  selected: Selected;
  hasFilter: boolean;
  hasIntercept: boolean;
  onTop: (isAtTop: boolean) => void;
  onMenu: (menu: MenuAt) => void;
  onOpen: () => void;
  onClearFilter: () => void;
  onNewest: () => void;
}

export function ListPane({ feed, view, selected, hasFilter, hasIntercept, onTop, onMenu, onOpen, onClearFilter, onNewest }: Props) {
  const go = useGo();
  const older = useCallback(() => { void feed.readOlder(); }, [feed]);
  const askMenu = useCallback((event: MouseEvent, id: number) => {
    event.preventDefault();
    onMenu(menuAt(event, id));
  }, [onMenu]);
  const newest = () => {
    onNewest();
    const rows = document.querySelector("[data-testid=request-rows]");
    if (rows) rows.scrollTop = 0;
  };

  if (view.phase === "reading") return <Waiting words="Reading requests" rows={12} />;
  if (view.phase === "failed" && view.error) {
    return (
      <ErrorNotice
        title="Requests cannot be shown" message={view.error.message} hint={view.error.hint}
        acts={<LookAgain look="primary" isAsking={view.isAsking} onLookAgain={feed.askAgain} />}
      >
        <p>Requests pass as before; only their record is missing.</p>
      </ErrorNotice>
    );
  }
  if (view.list.length === 0 && hasFilter) {
    return <Notice title="Nothing found" acts={<Button onPress={onClearFilter}>Clear the filter</Button>}><p>No recorded request fits the filter. New ones that fit will show here.</p></Notice>;
  }
  if (view.list.length === 0) {
    return hasIntercept
      ? <Notice title="Ready for the first request"><p>Requests that your intercept takes show here as they arrive.</p></Notice>
      : <Notice title="No requests yet" acts={<Button look="primary" onPress={() => { go({ screen: "services" }); }}>Choose a Service</Button>}><p>Intercept a Service, and its requests show here.</p></Notice>;
  }
  return (
    <div className="list-pane">
      <RequestTable feed={view} selected={selected} onTop={onTop} onOlder={older} onOpen={onOpen} onMenu={askMenu} />
      {view.list.waiting > 0 && (
        <div className="newer"><Button onPress={newest}><ArrowUp size={14} strokeWidth={1.5} aria-hidden />{counted(view.list.waiting, "new one")}</Button></div>
      )}
      {view.list.waiting === 0 && view.list.isHeadLost && (
        <div className="newer"><Button onPress={newest}><ArrowUp size={14} strokeWidth={1.5} aria-hidden />To the newest</Button></div>
      )}
    </div>
  );
}
