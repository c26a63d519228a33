// Every key there is, by where it works.

import { Dialog } from "../components/Dialog";
import { ctrl } from "../components/platform";
import type { Offer } from "../state/offers";

const ofServices: [string, string][] = [
  ["Filter", "/"], ["Next, previous Service", "↓ ↑  or  j k"], ["Open the sheet", "Enter"], ["Start or stop", "Space"],
  ["Favourite", "F"], ["Into the row: port, switch", "Tab"], ["Intercept, in the sheet", `${ctrl} ↵`], ["Close the sheet", "Esc"],
];

export function ShortcutSheet({ offers, onClose }: { offers: readonly Offer[]; onClose: () => void }) {
  const groups = new Map<string, [string, string][]>();
  for (const { group, title, keys } of offers) {
    if (keys !== undefined) groups.set(group, [...(groups.get(group) ?? []), [title, keys]]);
  }
  groups.set("Services", [...(groups.get("Services") ?? []), ...ofServices]);
  return (
    <Dialog title="Keys" look="wide" onClose={onClose}>
      <div className="keys">
        {[...groups].map(([group, lines]) => (
          <section key={group} aria-label={group}>
            <h3>{group}</h3>
            <dl>
              {lines.map(([title, keys]) => <div key={title}><dt>{title}</dt><dd><kbd className="key">{keys}</kbd></dd></div>)}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
