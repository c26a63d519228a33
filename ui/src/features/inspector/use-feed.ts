// The feed as a view has it: one for as long as the screen stands, asked again when the wish changes.

import { useEffect, useState, useSyncExternalStore } from "react";

import { useBridge } from "../../bridge/use-bridge";
import { RequestFeed, type FeedView, type FeedWish } from "./request-feed";

export function useFeed({ filter, isOff, hidesHealth, scope }: FeedWish): [RequestFeed, FeedView] {
  const bridge = useBridge();
  const [feed] = useState(() => new RequestFeed(bridge));
  useEffect(() => feed.start(), [feed]);
  useEffect(() => { feed.ask({ filter, isOff, hidesHealth, scope }); }, [feed, filter, isOff, hidesHealth, scope]);
  return [feed, useSyncExternalStore(feed.subscribe, feed.view)];
}
