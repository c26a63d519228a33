// One of several, in a menu that opens.

import { Check, ChevronDown } from "lucide-react";
import { Button, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";

import "./picker.css";

interface Props<Id extends string | number> {
  /** What is chosen, for screen readers; the words beside it say it to everybody else. */
  label: string;
  options: readonly { id: Id; name: string }[];
  chosen: Id;
  onChoose: (id: Id) => void;
  isDisabled?: boolean;
}

export function Picker<Id extends string | number>({ label, options, chosen, onChoose, isDisabled = false }: Props<Id>) {
  const choose = (key: unknown) => {
    const option = options.find((one) => one.id === key);
    if (option && option.id !== chosen) onChoose(option.id);
  };
  return (
    <Select className="picker" aria-label={label} value={chosen} onChange={choose} isDisabled={isDisabled}>
      <Button className="picker-button">
        <SelectValue className="picker-value" />
        <ChevronDown size={14} strokeWidth={1.5} aria-hidden />
      </Button>
      <Popover className="picker-menu" offset={4}>
        <ListBox items={options} className="picker-list">
          {(option) => (
            <ListBoxItem id={option.id} textValue={option.name} className="picker-option">
              {({ isSelected }) => (
                <>
                  <span className="picker-check">{isSelected && <Check size={14} strokeWidth={1.5} aria-hidden />}</span>
                  {option.name}
                </>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
