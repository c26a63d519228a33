// What the user prefers. Everything is saved at once; there is no button for it.

import { Search } from "lucide-react";
import { Fragment, useEffect, useRef, useState, type RefObject } from "react";
import { Input, SearchField, Tab, TabList, TabPanel, Tabs } from "react-aria-components";

import { Button } from "../../components/Button";
import "../../components/field.css";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { isTyping } from "../../components/platform";
import { Waiting } from "../../components/Waiting";
import { useKnown, useStore } from "../../state/use-desk";
import { entries, findEntries, sectionIcons, type Entry } from "./sections";
import "./settings.css";
import { intros, sectionNames, words, type SectionId } from "./words";

const sections = Object.keys(sectionNames) as SectionId[];

/** The address may name one, for looking at the window in a browser. */
function sectionAsked(): SectionId {
  const asked = new URLSearchParams(window.location.search).get("section");
  return sections.find((one) => one === asked) ?? "general";
}

export function SettingsScreen() {
  const isKnown = useKnown((known) => known.preferences !== null);
  const error = useKnown((known) => known.error);
  const store = useStore();
  const [query, setQuery] = useState("");
  return (
    <main className="settings" aria-label={words.screen}>
      <header className="settings-bar">
        <h1>{words.screen}</h1>
        <Find query={query} onQuery={setQuery} />
      </header>
      {isKnown ? <Sections query={query} onQuery={setQuery} />
        : error ? (
          <ErrorNotice
            title={words.noAnswer}
            message={error.message}
            hint={error.hint}
            acts={<LookAgain look="primary" onLookAgain={store.askAgain} />}
          />
        ) : <Waiting words={words.reading} />}
    </main>
  );
}

function Find({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useSlash(input);
  return (
    <SearchField className="settings-find" aria-label={words.find} value={query} onChange={onQuery}>
      <Search size={14} strokeWidth={1.5} aria-hidden />
      <Input ref={input} className="input" placeholder={words.find} />
      {query === "" && <kbd className="key" aria-hidden>/</kbd>}
    </SearchField>
  );
}

function useSlash(input: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if (event.key !== "/" || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", hear);
    return () => { window.removeEventListener("keydown", hear); };
  }, [input]);
}

function Sections({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const [section, setSection] = useState<SectionId>(sectionAsked);
  const isFinding = query.trim() !== "";
  const choose = (key: unknown) => {
    const next = sections.find((one) => one === key);
    if (next) setSection(next);
  };
  return (
    <Tabs className="settings-tabs" orientation="vertical" selectedKey={section} onSelectionChange={choose}>
      <TabList className="settings-nav" aria-label={words.sections}>
        {sections.map((id) => {
          const Icon = sectionIcons[id];
          return (
            <Tab key={id} id={id} className="settings-tab" onPress={() => { onQuery(""); }}>
              <Icon size={16} strokeWidth={1.5} aria-hidden />
              {sectionNames[id]}
            </Tab>
          );
        })}
      </TabList>
      {sections.map((id) => (
        <TabPanel key={id} id={id} className="settings-panel">
          {isFinding ? <Found query={query} onQuery={onQuery} /> : <Section id={id} />}
        </TabPanel>
      ))}
    </Tabs>
  );
}

function Section({ id }: { id: SectionId }) {
  const intro = intros[id];
  return (
    <>
      <h2>{sectionNames[id]}</h2>
      {intro !== null && <p className="settings-intro">{intro}</p>}
      <Entries of={entries.filter((entry) => entry.section === id)} />
    </>
  );
}

function Found({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const found = findEntries(query);
  if (found.length === 0) {
    return (
      <Notice title={words.nothing(query.trim())} acts={<Button onPress={() => { onQuery(""); }}>{words.showAll}</Button>}>{null}</Notice>
    );
  }
  return sections.filter((id) => found.some((entry) => entry.section === id)).map((id) => (
    <Fragment key={id}>
      <h2>{sectionNames[id]}</h2>
      <Entries of={found.filter((entry) => entry.section === id)} />
    </Fragment>
  ));
}

function Entries({ of }: { of: Entry[] }) {
  return of.map((entry, index) => (
    <Fragment key={entry.id}>
      {entry.group !== undefined && entry.group !== of[index - 1]?.group && <h3>{entry.group}</h3>}
      {entry.element}
    </Fragment>
  ));
}
