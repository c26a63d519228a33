// The shape of rows that are still being read. Words come after 400 ms, so that a quick answer does not flicker.

import { useEffect, useState } from "react";

import "./waiting.css";

const patienceMs = 400;
const widths = ["46%", "62%", "38%", "54%", "44%", "58%", "36%", "50%"] as const;

/** `words` names what is read, for example "Reading Services of kind-dev". */
export function Waiting({ words, rows = 8 }: { words: string; rows?: number }) {
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => { setIsSlow(true); }, patienceMs);
    return () => { window.clearTimeout(timer); };
  }, []);

  return (
    <div className="waiting">
      <p className="waiting-words" role="status">{isSlow ? `${words}…` : ""}</p>
      <div aria-hidden>
        {Array.from({ length: rows }, (_, row) => (
          <div key={row} className="waiting-row">
            <span style={{ width: widths[row % widths.length] }} />
          </div>
        ))}
      </div>
    </div>
  );
}
