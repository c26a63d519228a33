// One line of several to choose from, for inside a RadioGroup.

import type { ReactNode } from "react";
import { RadioButton, RadioField } from "react-aria-components";

import "./radio.css";

export function Radio({ value, isDisabled = false, children }: { value: string; isDisabled?: boolean; children: ReactNode }) {
  return (
    <RadioField value={value} isDisabled={isDisabled} className="radio-field">
      <RadioButton className="radio"><span className="radio-dot" />{children}</RadioButton>
    </RadioField>
  );
}
