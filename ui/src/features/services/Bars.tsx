// Requests of the last five minutes, ten seconds a bar: at the bottom what reached the laptop, above it what did not.

import type { TrafficView } from "../../bindings/wire";
import { pane } from "./words";

const barSeconds = 10;
const bars = 30;
const height = 40;

export function Bars({ view }: { view: TrafficView }) {
  const padded = [...Array<null>(Math.max(0, bars * barSeconds - view.seconds.length)).fill(null), ...view.seconds.slice(-bars * barSeconds)];
  const sums = Array.from({ length: bars }, (_, bar) => {
    const part = padded.slice(bar * barSeconds, (bar + 1) * barSeconds);
    const mine = part.reduce((sum, each) => sum + (each ? each.matched - each.fellBack : 0), 0);
    const all = part.reduce((sum, each) => sum + (each ? each.matched + each.unmatched + each.unseen : 0), 0);
    return { mine, all };
  });
  const most = Math.max(1, ...sums.map(({ all }) => all));
  const high = (count: number) => (count === 0 ? 0 : Math.max(2, (count / most) * height));
  return (
    <figure className="bars">
      <svg viewBox={`0 0 ${bars * 8} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${pane.minute}, ${pane.ago} to ${pane.now}`}>
        {sums.map(({ mine, all }, bar) => (
          <g key={bar}>
            <rect className="bars-all" x={bar * 8 + 1} width={6} y={height - high(all)} height={high(all)} />
            <rect className="bars-mine" x={bar * 8 + 1} width={6} y={height - high(mine)} height={high(mine)} />
          </g>
        ))}
      </svg>
      <figcaption className="bars-axis"><span>{pane.ago}</span><span>{pane.now}</span></figcaption>
    </figure>
  );
}
