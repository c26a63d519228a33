// Messages of a WebSocket and events of a stream: a list to filter, and what the chosen one says.

import { ArrowDown, ArrowUp } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { Input, Label, ListBox, ListBoxItem, ListLayout, SearchField, Virtualizer } from "react-aria-components";

import type { BodyHalf, Content, ServerEvent, SocketMessage } from "../../bindings/wire";
import { ContentView, Problems } from "./BodyView";
import { durationWords, size } from "./format";

const rows = { rowHeight: 24 };
const sides: Record<BodyHalf, string> = { request: "from the caller", response: "from your program" };

interface Entry {
  id: string;
  words: string;
  search: string;
  line: ReactNode;
  content: ReactNode;
}

export function SocketList({ messages, of }: { messages: readonly SocketMessage[]; of: { id: number; half: BodyHalf } }) {
  const entries = useMemo(() => messages.map((message, index): Entry => {
    const text = socketText(message);
    const Arrow = message.from === "request" ? ArrowDown : ArrowUp;
    return {
      id: String(index),
      words: `${sides[message.from]}, ${message.opcode}, ${text}`,
      search: `${sides[message.from]} ${message.opcode} ${text}`.toLowerCase(),
      line: (
        <>
          <Arrow size={12} strokeWidth={1.5} aria-hidden className={`message-${message.from}`} />
          <span className="message-at">{message.at ? durationWords(message.at) : ""}</span>
          {message.opcode !== "text" && <span className="tag">{message.opcode}</span>}
          <span className="message-text">{text}</span>
        </>
      ),
      content: (
        <>
          <Problems problems={message.content.problems ?? []} />
          <ContentView content={message.content.content} of={of} label={`Message ${index + 1}`} />
        </>
      ),
    };
  }), [messages, of]);
  return <Entries entries={entries} label="Messages" noun="message" hint="Filter: text, ping, from the caller" />;
}

function socketText({ close, content }: SocketMessage): string {
  if (close) return `${close.code}${close.name ? ` ${close.name}` : ""} ${close.reason}`.trim();
  return oneLine(content.content) || size(content.size);
}

function oneLine(content: Content): string {
  if (content.kind === "json" || content.kind === "message") return content.pretty.replace(/\s*\n\s*/g, " ").slice(0, 300);
  return content.kind === "text" ? content.text.replace(/\s+/g, " ").slice(0, 300) : "";
}

export function EventList({ events }: { events: readonly ServerEvent[] }) {
  const entries = useMemo(() => events.map((event): Entry => {
    const name = event.kind === "event" ? (event.event ?? "message") : kinds[event.kind];
    return {
      id: String(event.offset),
      words: `${name}, ${event.data}`,
      search: `${name} ${event.id ?? ""} ${event.data}`.toLowerCase(),
      line: (
        <>
          <span className="message-at">{event.at ? durationWords(event.at) : ""}</span>
          <span className="tag">{name}</span>
          <span className="message-text">{event.data.slice(0, 300)}</span>
        </>
      ),
      content: (
        <div className="message-plain selectable">
          {event.id && <p>id: {event.id}</p>}
          {event.retry !== null && event.retry !== undefined && <p>retry: {event.retry} ms</p>}
          <pre>{event.data}</pre>
        </div>
      ),
    };
  }), [events]);
  return <Entries entries={entries} label="Events" noun="event" hint="Filter events" />;
}

const kinds = { comment: "comment", quiet: "quiet", unfinished: "unfinished" };

function Entries({ entries, label, noun, hint }: { entries: readonly Entry[]; label: string; noun: string; hint: string }) {
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const needle = filter.trim().toLowerCase();
  const found = needle === "" ? entries : entries.filter(({ search }) => search.includes(needle));
  const shown = found.find(({ id }) => id === chosen);
  return (
    <div className="messages">
      <SearchField className="messages-filter" value={filter} onChange={setFilter}>
        <Label className="visually-hidden">{`Filter ${noun}s`}</Label>
        <Input className="input" placeholder={hint} />
        <span className="messages-count" role="status">{found.length} of {entries.length}</span>
      </SearchField>
      <Virtualizer layout={ListLayout} layoutOptions={rows}>
        <ListBox
          aria-label={label} className="messages-list" items={found} selectionMode="single" selectedKeys={chosen === null ? [] : [chosen]}
          onSelectionChange={(keys) => { setChosen(keys === "all" ? null : (String([...keys][0] ?? "") || null)); }}
        >
          {(entry) => <ListBoxItem id={entry.id} textValue={entry.words} className="message">{entry.line}</ListBoxItem>}
        </ListBox>
      </Virtualizer>
      {shown && <div className="messages-shown" aria-label={`Chosen ${noun}`} role="region">{shown.content}</div>}
    </div>
  );
}
