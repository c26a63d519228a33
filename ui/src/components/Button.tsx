import { Button as AriaButton, type ButtonProps } from "react-aria-components";

import "./button.css";

type Props = Omit<ButtonProps, "className"> & {
  /** One primary button in a view at most. */
  look?: "primary" | "plain" | "quiet";
};

export function Button({ look = "plain", ...props }: Props) {
  return <AriaButton {...props} className={`button button-${look}`} />;
}
