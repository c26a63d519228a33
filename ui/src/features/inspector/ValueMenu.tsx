// A menu on a value of the list: only this, hide this, and the acts on the request.

import { useRef, type MouseEvent } from "react";
import { Menu, MenuItem, Popover, Separator } from "react-aria-components";

import type { Acts } from "./acts";
import { quoted } from "./filter-language";

export interface MenuAt {
  x: number;
  y: number;
  id: number;
  /** `path:=/cart`, of what was pointed at. */
  term: string | null;
}

const whole = new Set(["path", "svc", "source"]);

export function menuAt(event: MouseEvent, id: number): MenuAt {
  const value = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-field]") : null;
  const field = value?.dataset.field;
  const text = value?.dataset.value;
  const term = field !== undefined && text !== undefined && text !== "" ? `${field}:${whole.has(field) ? "=" : ""}${quoted(text)}` : null;
  return { x: event.clientX, y: event.clientY, id, term };
}

interface Props {
  at: MenuAt;
  onClose: () => void;
  onTerm: (term: string) => void;
  acts: Acts;
  onChoose: (id: number) => void;
}

export function ValueMenu({ at, onClose, onTerm, acts, onChoose }: Props) {
  const anchor = useRef<HTMLSpanElement>(null);
  const run = (id: string | number) => {
    if (id === "only" && at.term) onTerm(at.term);
    else if (id === "hide" && at.term) onTerm(`-${at.term}`);
    else {
      onChoose(at.id);
      const act = { replay: acts.replay, edit: acts.edit, curl: acts.copyCurl, pin: acts.pin, mock: acts.mock, delete: acts.remove }[String(id)];
      if (act) window.setTimeout(act);
    }
    onClose();
  };
  return (
    <>
      <span ref={anchor} className="menu-anchor" style={{ transform: `translate(${at.x}px, ${at.y}px)` }} />
      <Popover className="popover" triggerRef={anchor} isOpen placement="bottom start" offset={2} onOpenChange={(isOpen) => { if (!isOpen) onClose(); }}>
        <Menu className="options" aria-label="Request" autoFocus="first" onAction={run}>
          <MenuItem id="only" className="option" isDisabled={at.term === null}>Only this{at.term && <span className="option-side mono">{at.term}</span>}</MenuItem>
          <MenuItem id="hide" className="option" isDisabled={at.term === null}>Hide this</MenuItem>
          <Separator className="option-separator" />
          <MenuItem id="replay" className="option">Replay<kbd className="key option-side">R</kbd></MenuItem>
          <MenuItem id="edit" className="option">Edit and replay<kbd className="key option-side">E</kbd></MenuItem>
          <MenuItem id="curl" className="option">Copy curl<kbd className="key option-side">C</kbd></MenuItem>
          <MenuItem id="pin" className="option">Pin<kbd className="key option-side">P</kbd></MenuItem>
          <MenuItem id="mock" className="option">Mock this answer<kbd className="key option-side">M</kbd></MenuItem>
          <MenuItem id="delete" className="option">Delete<kbd className="key option-side">X</kbd></MenuItem>
        </Menu>
      </Popover>
    </>
  );
}
