import type { ReactNode } from "react";
import { CheckboxButton, CheckboxField, type CheckboxFieldProps } from "react-aria-components";

import "./checkbox.css";

type Props = Omit<CheckboxFieldProps, "className" | "children"> & { children: ReactNode };

export function Checkbox({ children, ...props }: Props) {
  return (
    <CheckboxField {...props} className="checkbox-field">
      <CheckboxButton className="checkbox"><span className="checkbox-box" />{children}</CheckboxButton>
    </CheckboxField>
  );
}
