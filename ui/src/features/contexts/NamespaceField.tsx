// Which namespace: one of those that may be listed, any that is typed, or all.

import { ChevronDown } from "lucide-react";
import { useCallback, useState } from "react";
import { Button, ComboBox, Input, ListBox, ListBoxItem, Popover } from "react-aria-components";

import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import "../../components/field.css";
import "./contexts.css";
import { words } from "./words";

interface Props {
  context: string;
  namespace: string | null;
  onChoose: (namespace: string | null) => void;
}

const all = "*";

export function NamespaceField({ context, namespace, onChoose }: Props) {
  const bridge = useBridge();
  const { answer } = useAnswer(useCallback(() => bridge.ask("list_namespaces", { context }), [bridge, context]));
  const shown = namespace ?? words.allNamespaces;
  const [typed, setTyped] = useState(shown);
  const [before, setBefore] = useState(shown);
  if (before !== shown) {
    setBefore(shown);
    setTyped(shown);
  }
  const known = answer.state === "answered" ? answer.value : [];
  const names = namespace === null || known.includes(namespace) ? known : [namespace, ...known];

  const take = (text: string) => {
    const name = text.trim();
    const next = name === "" || name === words.allNamespaces || name === all ? null : name;
    setTyped(next ?? words.allNamespaces);
    if (next !== namespace) onChoose(next);
  };

  return (
    <ComboBox
      className="namespace"
      aria-label={words.namespace}
      inputValue={typed}
      onInputChange={setTyped}
      value={namespace ?? all}
      onChange={(key) => { if (key !== null) take(String(key)); }}
      defaultFilter={(text, filter) => filter === shown || text.toLowerCase().includes(filter.toLowerCase())}
      allowsCustomValue
      allowsEmptyCollection
      menuTrigger="focus"
      onBlur={() => { take(typed); }}
    >
      <Input className="input" onFocus={(event) => { event.target.select(); }} onKeyDown={(event) => { if (event.key === "Enter") take(typed); }} />
      <Button className="namespace-open" aria-label={words.namespaceHint}><ChevronDown size={14} strokeWidth={1.5} aria-hidden /></Button>
      <Popover className="popover">
        <ListBox className="options" renderEmptyState={() => <p className="namespace-none">{words.namespaceHint}</p>}>
          <ListBoxItem id={all} className="option">{words.allNamespaces}</ListBoxItem>
          {names.map((name) => <ListBoxItem key={name} id={name} className="option">{name}</ListBoxItem>)}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
