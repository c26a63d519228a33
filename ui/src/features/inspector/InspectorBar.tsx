// The head of the inspector: which Service, pause, clear, import, export, mocks.

import { ArrowRight, Ellipsis, Pause, Play, Trash2 } from "lucide-react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";

import type { InterceptView, MockView } from "../../bindings/wire";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { Picker } from "../../components/Picker";
import type { ActsState } from "./acts";
import { ExportBox } from "./ExportBox";
import { quoted } from "./filter-language";
import { MocksBox } from "./MocksBox";
import { type FeedView, type RequestFeed } from "./request-feed";
import type { Selected } from "./use-selected";

interface Props {
  intercepts: readonly InterceptView[];
  scope: string;
  onScope: (scope: string) => void;
  view: FeedView;
  selected: Selected;
  isPaused: boolean;
  onPause: () => void;
  done: ActsState;
  mocks: readonly MockView[];
  onMocks: () => void;
  feed: RequestFeed;
  filter: string;
}

export function InspectorBar({ intercepts, scope, onScope, view, selected, isPaused, onPause, done, mocks, onMocks, feed, filter }: Props) {
  const bridge = useBridge();
  const scopes = scopesOf(intercepts);
  const shown = scopes.find(({ id }) => id === scope)?.intercept ?? (scopes.length === 1 ? scopes[0]?.intercept : undefined);
  const clear = () => {
    const selection = { kind: "filter", filter: view.applied } as const;
    const what = filter.trim() === "" ? "all requests" : "the requests that the filter finds";
    done.ask({
      words: `Delete ${what}${view.count ? `, ${counted(view.count.found, "request")}` : ""}? Pinned ones go too.`,
      yes: "Delete them",
      run: () => {
        done.attempt(async () => {
          const count = await bridge.ask("delete_requests", { selection });
          selected.choose(null);
          feed.askAgain();
          return `${counted(count, "request")} deleted.`;
        });
      },
    });
  };
  const importFile = () => {
    done.attempt(async () => {
      const path = await bridge.shell.openFile({ title: "Import a HAR file", extensions: ["har", "json"] });
      if (path === null) return null;
      return `${counted(await bridge.ask("import_requests", { path }), "request")} read from ${path}.`;
    });
  };
  const off = (number: number) => {
    done.attempt(async () => {
      await bridge.ask("remove_mock", { number });
      onMocks();
      return "The mock is off. Your program answers again.";
    });
  };
  return (
    <header className="bar">
      <h1 className="visually-hidden">Inspector</h1>
      <Picker
        label="Service" chosen={scope === "" ? "all" : scope} options={[{ id: "all", name: "All Services" }, ...scopes.map(({ id, text }) => ({ id, name: text }))]}
        onChoose={(id) => { onScope(id === "all" ? "" : id); }}
      />
      {shown && <p className="bar-rule"><span className="mono">{shown.rule}</span><ArrowRight size={14} strokeWidth={1.5} aria-label="to" /><span className="mono bar-target">{shown.target}</span></p>}
      <span className="bar-grow" />
      <MocksBox mocks={mocks} onOff={off} onOpen={onMocks} />
      <Button look="quiet" onPress={onPause} aria-pressed={isPaused}>
        {isPaused ? <Play size={14} strokeWidth={1.5} aria-hidden /> : <Pause size={14} strokeWidth={1.5} aria-hidden />}
        {isPaused ? "Record" : "Pause"}
        <kbd className="key" aria-hidden>Space</kbd>
      </Button>
      <Button look="quiet" onPress={clear}><Trash2 size={14} strokeWidth={1.5} aria-hidden /><span className="act-word">Clear</span></Button>
      <ExportBox ids={selected.ids} filter={view.applied} found={view.count?.found ?? 0} all={view.count?.all ?? 0} attempt={done.attempt} />
      <MenuTrigger>
        <Button look="quiet" aria-label="More"><Ellipsis size={16} strokeWidth={1.5} aria-hidden /></Button>
        <Popover className="popover" placement="bottom end">
          <Menu className="options" aria-label="More" onAction={(id) => { if (id === "import") importFile(); }}>
            <MenuItem id="import" className="option">Import a HAR file…</MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
    </header>
  );
}

function scopesOf(intercepts: readonly InterceptView[]) {
  const found = new Map<string, { id: string; text: string; intercept: InterceptView }>();
  for (const intercept of intercepts) {
    const { service, namespace } = intercept.wish;
    const id = `svc:=${quoted(service)} ns:=${quoted(namespace)}`;
    if (!found.has(id) || intercept.ending === null) found.set(id, { id, text: `${service} ${namespace}`, intercept });
  }
  return [...found.values()];
}
