// The filter field, the filters that were saved, and health checks that are left out.

import { Star, X } from "lucide-react";
import { useMemo, type Ref } from "react";

import type { InterceptView } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { usePreferences } from "../../state/use-desk";
import { FilterField } from "./FilterField";
import { isGap } from "./request-list";
import type { FeedView } from "./request-feed";
import type { FilterState } from "./use-filter";

interface Props {
  filter: FilterState;
  view: FeedView;
  hidesHealth: boolean;
  inputRef: Ref<HTMLInputElement>;
  onLeave: () => void;
  intercepts: readonly InterceptView[];
}

/** There before anybody saved one. */
const usual = [
  { name: "Errors", filter: "is:error" },
  { name: "Over 300 ms", filter: "slow:300ms" },
  { name: "Pinned", filter: "is:pinned" },
];

export function FilterBar({ filter, view, hidesHealth, inputRef, onLeave, intercepts }: Props) {
  const [preferences, prefer] = usePreferences();
  const saved = preferences?.savedFilters ?? [];
  const value = filter.value.trim();
  const chips = [...usual, ...saved.filter((one) => !usual.some((each) => each.filter === one)).map((one) => ({ name: one, filter: one }))];
  const seen = useMemo(() => seenIn(view, intercepts), [view, intercepts]);
  const isSaved = chips.some((chip) => chip.filter === value);
  const save = (filters: string[]) => { prefer({ savedFilters: filters }).catch(() => undefined); };
  return (
    <div className="finder-bar" role="search">
      <FilterField
        value={filter.value} onChange={filter.set} isOff={filter.isOff} onToggleOff={filter.toggleOff} error={view.filterError} isAsking={view.isAsking}
        count={view.count} history={filter.history} onDone={filter.remember} onLeave={onLeave} seen={seen} inputRef={inputRef}
      />
      <div className="finder-chips">
        {chips.map((chip) => (
          <span key={chip.filter} className="chip" data-on={chip.filter === value || undefined}>
            <button type="button" className="chip-press" aria-pressed={chip.filter === value} onClick={() => { filter.set(chip.filter === value ? "" : chip.filter); }}>{chip.name}</button>
            {saved.includes(chip.filter) && (
              <button type="button" className="chip-off" aria-label={`Forget the filter ${chip.name}`} onClick={() => { save(saved.filter((one) => one !== chip.filter)); }}>
                <X size={12} strokeWidth={1.5} aria-hidden />
              </button>
            )}
          </span>
        ))}
        {value !== "" && !isSaved && !view.filterError && (
          <Button look="quiet" onPress={() => { filter.remember(value); save([...saved, value]); }}><Star size={12} strokeWidth={1.5} aria-hidden />Save</Button>
        )}
        <span className="finder-health">
          {hidesHealth ? (view.hiddenHealth > 0 ? `${counted(view.hiddenHealth, "health check")} hidden` : "") : "Health checks shown"}
          {(view.hiddenHealth > 0 || !hidesHealth) && (
            <button type="button" className="text-link" aria-label={hidesHealth ? "Show health checks" : "Hide health checks"} onClick={() => { prefer({ hidesHealthChecks: !hidesHealth }).catch(() => undefined); }}>
              {hidesHealth ? "Show" : "Hide"}
            </button>
          )}
        </span>
      </div>
    </div>
  );
}

/** Values worth offering, from the newest rows. */
function seenIn({ list }: FeedView, intercepts: readonly InterceptView[]): Record<string, string[]> {
  const services = new Set(intercepts.map(({ wish }) => wish.service));
  const namespaces = new Set(intercepts.map(({ wish }) => wish.namespace));
  const pods = new Set<string>();
  const paths = new Set<string>();
  for (let index = 0; index < Math.min(list.length, 100); index += 1) {
    const row = list.at(index);
    if (!row || isGap(row)) continue;
    services.add(row.place.service);
    namespaces.add(row.place.namespace);
    if (row.source?.pod) pods.add(row.source.pod);
    paths.add(row.target.split("?")[0] ?? "");
  }
  return { svc: [...services], ns: [...namespaces], pod: [...pods], source: [...pods], path: [...paths] };
}
