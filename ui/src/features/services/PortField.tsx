// The port on this laptop that answers: what was used last, what listens now, or what is typed. Only the row that is in use
// has a field; the others show their port.

import { ComboBox, Input, ListBox, ListBoxItem, Popover } from "react-aria-components";

import type { Listener } from "../../bindings/wire";
import { portOf } from "../../state/wish";
import { words } from "./words";

interface Props {
  name: string;
  target: string;
  listeners: readonly Listener[];
  isActive: boolean;
  onTarget: (target: string) => void;
}

export function PortField({ name, target, listeners, isActive, onTarget }: Props) {
  const program = listeners.find(({ port }) => port === portOf(target))?.program ?? null;
  if (!isActive) {
    return (
      <span className="port-text">
        <span className={target === "" ? "mono port-none" : "mono"}>{target === "" ? words.port : shortTarget(target)}</span>
        {target !== "" && <span className="port-program">{program ?? words.lastUsed}</span>}
      </span>
    );
  }
  return (
    <ComboBox
      className="port-field"
      aria-label={words.portOf(name)}
      inputValue={target}
      onInputChange={onTarget}
      onChange={(key) => { if (key !== null) onTarget(String(key)); }}
      defaultFilter={() => true}
      allowsCustomValue
      menuTrigger="focus"
    >
      <Input className="input input-mono port-input" placeholder={words.port} />
      {program !== null && <span className="port-program port-inside" aria-hidden>{program}</span>}
      <Popover className="popover">
        <ListBox className="options" items={listeners}>
          {(listener) => (
            <ListBoxItem id={String(listener.port)} className="option" textValue={String(listener.port)}>
              <span className="mono">:{listener.port}</span> {listener.program}
              <span className="option-side">pid {listener.pid}</span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}

/** `:3000` for a port of this laptop, anything else as it is. */
export function shortTarget(target: string): string {
  return /^(?:https?:\/\/)?(?:localhost|127\.0\.0\.1)?:?(\d+)\/?$/.test(target) ? `:${String(portOf(target))}` : target;
}
