import { CircleCheck, CircleX, Info, type LucideIcon } from "lucide-react";

import type { TimelineEntry, TimelineKind } from "../../bindings/wire";
import { moment } from "./spans";
import { words } from "./words";

const most = 200;
const icons: Record<TimelineKind, LucideIcon> = { good: CircleCheck, notice: Info, bad: CircleX };

/** The newest first. `key` narrows it to one intercept, and to what is about none. */
export function Timeline({ entries, of, now }: { entries: readonly TimelineEntry[]; of: number | null; now: number }) {
  const shown = entries.filter((entry) => of === null || entry.key === null || entry.key === of).slice(-most).reverse();
  return (
    <section className="timeline" aria-label={words.timeline.title}>
      <h2 className="tun-card-title">{words.timeline.title}</h2>
      {shown.length === 0 && <p className="tun-quiet">{words.timeline.none}</p>}
      <ol>
        {shown.map((entry, index) => {
          const Icon = icons[entry.what];
          return (
            <li key={`${entry.at}-${index}`}>
              <time dateTime={new Date(entry.at).toISOString()}>{moment(entry.at, now)}</time>
              <Icon className={`timeline-${entry.what}`} size={14} strokeWidth={1.5} aria-hidden />
              <span className="selectable"><span className="visually-hidden">{words.timeline.kinds[entry.what]}: </span>{entry.sentence}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
