// Every command by name: those of the frame, those that the screens offer, and an intercept of any Service.

import { Search } from "lucide-react";
import { useState } from "react";
import { Autocomplete, Input, Menu, MenuItem, SearchField } from "react-aria-components";

import { Dialog } from "../components/Dialog";
import "../components/field.css";
import type { Offer } from "../state/offers";
import { found } from "./palette-search";
import "./palette.css";

interface Props {
  offers: readonly Offer[];
  /** Intercepts of Services that fit what was typed. */
  intercepts: (typed: string) => readonly Offer[];
  onClose: () => void;
}

export function Palette({ offers, intercepts, onClose }: Props) {
  const [typed, setTyped] = useState("");
  const shown = [...found(offers, typed), ...intercepts(typed)];
  return (
    <Dialog title="Commands" hidesTitle look="palette" onClose={onClose}>
      <Autocomplete inputValue={typed} onInputChange={setTyped}>
        <SearchField className="palette-field" aria-label="Find a command" autoFocus>
          <Search size={16} strokeWidth={1.5} aria-hidden />
          <Input className="palette-input" placeholder="Find a command, or: intercept checkout to 3000" />
        </SearchField>
        <Menu
          className="options palette-options" aria-label="Commands" items={shown}
          renderEmptyState={() => <p className="palette-none">No command has these words.</p>}
          onAction={(id) => {
            onClose();
            shown.find((offer) => offer.id === id)?.run();
          }}
        >
          {(offer) => (
            <MenuItem id={offer.id} className="option" textValue={offer.title}>
              <span className="palette-group">{offer.group}</span>
              <span>{offer.title}</span>
              {offer.keys !== undefined && <kbd className="key option-key">{offer.keys}</kbd>}
            </MenuItem>
          )}
        </Menu>
      </Autocomplete>
    </Dialog>
  );
}
