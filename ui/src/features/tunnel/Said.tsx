// What is to be said about the whole way: that it has ended, a trouble, what the last test came to.

import { CircleCheck, CircleX, TriangleAlert, type LucideIcon } from "lucide-react";

import type { CommandError, InterceptView } from "../../bindings/wire";
import { moment, span } from "./spans";
import type { Probe } from "./use-probe";
import { placeNames, words, type StopPlace } from "./words";

interface Props {
  view: InterceptView;
  /** Whether what is wrong is said further down, at its place. */
  isExplained: boolean;
  probe: Probe | null;
  error: CommandError | null;
  now: number;
}

export function Said({ view, isExplained, probe, error, now }: Props) {
  return (
    <div role="status">
      {view.ending && <Line look={view.ending.isRestored ? "good" : "bad"} text={`${view.ending.sentence} ${view.ending.hint ?? ""} ${words.ended}`} />}
      {!view.ending && !isExplained && view.trouble !== null && <Line look="warn" text={view.trouble} />}
      {error && <Line look="bad" text={`${error.message} ${error.hint}`} />}
      {!error && probe && <Line look={probe.report.stoppedAt ? "bad" : "good"} text={resultOf(probe)} note={words.testedAt(moment(probe.at, now))} />}
    </div>
  );
}

function resultOf({ report }: Probe): string {
  if (report.stoppedAt) {
    const place: StopPlace = report.stoppedAt === "rule" ? "proxy" : report.stoppedAt;
    return words.stopsAt(placeNames[place]);
  }
  const back = report.hops.find((hop) => hop.what === "laptop")?.took;
  return back === undefined || back === null ? words.arrivesSomehow : words.arrives(span(back));
}

const icons: Record<"good" | "warn" | "bad", LucideIcon> = { good: CircleCheck, warn: TriangleAlert, bad: CircleX };

function Line({ look, text, note }: { look: keyof typeof icons; text: string; note?: string }) {
  const Icon = icons[look];
  return (
    <p className={`tunnel-said tunnel-said-${look}`}>
      <Icon className={`said-${look}`} size={16} strokeWidth={1.5} aria-hidden />
      <span className="selectable">{text}</span>
      {note !== undefined && <span className="tun-quiet">{note}</span>}
    </p>
  );
}
