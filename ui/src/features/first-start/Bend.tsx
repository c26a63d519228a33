// What the program does, as a picture: one line to the origin, and the bend to the laptop.

import { words } from "./words";

export function Bend() {
  return (
    <svg className="bend" viewBox="0 0 288 108" role="img" aria-label={words.picture}>
      <path className="bend-grey" d="M2 78H286" />
      <path className="bend-mine" d="M60 78H68L110 18H190" />
      <circle className="bend-grey-dot" cx="22" cy="78" r="5" />
      <circle className="bend-mine-dot" cx="44" cy="78" r="5" />
      <circle className="bend-mine-dot" cx="89" cy="48" r="5" />
      <circle className="bend-mine-dot" cx="192" cy="18" r="9" />
      <circle className="bend-grey-dot" cx="236" cy="78" r="5" />
      <circle className="bend-grey-dot" cx="260" cy="78" r="5" />
      <text className="bend-mine-words" x="210" y="22">{words.laptop}</text>
      <text className="bend-words" x="2" y="102">{words.requests}</text>
      <text className="bend-words" x="286" y="102" textAnchor="end">{words.origin}</text>
    </svg>
  );
}
