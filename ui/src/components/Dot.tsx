// The mark before a state's word. Shapes differ, since colour alone tells nothing.

import "./dot.css";

export function Dot({ tone }: { tone: "idle" | "good" | "warn" | "bad" }) {
  return <span className={`dot dot-${tone}`} aria-hidden />;
}
