// A question in place, before something that may change more than the list. Not a dialog: traffic goes on beneath.

import { TriangleAlert } from "lucide-react";

import { Button } from "../../components/Button";
import type { Asking } from "./acts";

export function AskStrip({ asking, onAnswer }: { asking: Asking; onAnswer: (isYes: boolean) => void }) {
  return (
    <div
      className="ask" role="alertdialog" aria-label="Are you sure?" aria-describedby="ask-words"
      onKeyDown={(event) => { if (event.key === "Escape") { event.stopPropagation(); onAnswer(false); } }}
    >
      <TriangleAlert size={14} strokeWidth={1.5} aria-hidden className="ask-mark" />
      <span id="ask-words" className="ask-words">{asking.words}</span>
      <Button autoFocus onPress={() => { onAnswer(true); }}>{asking.yes}</Button>
      <Button look="quiet" onPress={() => { onAnswer(false); }}>Cancel</Button>
    </div>
  );
}
