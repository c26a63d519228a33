import { SwitchButton, SwitchField, type SwitchFieldProps } from "react-aria-components";

import "./switch.css";

type Props = Omit<SwitchFieldProps, "className" | "children"> & {
  /** What it switches, for those who do not see where it stands. */
  "aria-label": string;
};

/** On and off, told by place and shape as well as by colour. */
export function Switch(props: Props) {
  return (
    <SwitchField {...props} className="switch-field">
      <SwitchButton className="switch"><span className="switch-track"><span className="switch-knob" /></span></SwitchButton>
    </SwitchField>
  );
}
