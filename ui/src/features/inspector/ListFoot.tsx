// Beneath the list: whether it follows, what the last act did, how full the store is.

import { Dot } from "../../components/Dot";
import { counted } from "../../components/counted";
import type { Said } from "./acts";
import { size } from "./format";
import type { FeedView } from "./request-feed";

export function ListFoot({ view, isFollowing, said }: { view: FeedView; isFollowing: boolean; said: Said | null }) {
  const { usage } = view;
  const state = usage?.isPaused ? "Paused" : isFollowing ? "Following" : "Holding still";
  const share = usage ? Math.max(usage.bytes / usage.mostBytes, usage.count / usage.mostCount) : 0;
  return (
    <footer className="list-foot">
      <span className="list-state" data-following={isFollowing && usage?.isPaused !== true ? true : undefined}><Dot tone={usage?.isPaused ? "warn" : "idle"} />{state}</span>
      <span className="list-said" role="status" data-bad={said?.isBad === true ? true : undefined}>{said?.words ?? ""}</span>
      {usage && (
        <span className="list-usage">
          <span className="list-count">{counted(usage.count, "request")}</span>
          <meter className="store-meter" min={0} max={1} value={Math.min(1, share)} aria-label={`Store: ${size(usage.bytes)} of ${size(usage.mostBytes)}, ${usage.count} of ${usage.mostCount} requests`} />
          {megabytes(usage.bytes)} of {megabytes(usage.mostBytes)} MB
        </span>
      )}
    </footer>
  );
}

const megabytes = (bytes: number) => (bytes / 1_048_576).toFixed(0);
