// Durations and moments, as this screen writes them.

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Microseconds, with the unit that fits: `0.4 ms`, `41 ms`, `1.3 s`. */
export function span(micros: number): string {
  if (micros < 10_000) return `${(micros / 1_000).toFixed(1)} ms`;
  if (micros < 1_000_000) return `${Math.round(micros / 1_000)} ms`;
  return `${(micros / 1_000_000).toFixed(micros < 10_000_000 ? 1 : 0)} s`;
}

/** A moment of today as a time, any other with its day. */
export function moment(millis: number, now: number = Date.now()): string {
  const at = new Date(millis);
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** How long ago: `now`, `12 s ago`, `4 min ago`, `2 h ago`. */
export function ago(millis: number, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - millis) / 1_000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : moment(millis, now);
}
