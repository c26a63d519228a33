import { Button as AriaButton, type ButtonProps } from "react-aria-components";

import "./button.css";

type Props = Omit<ButtonProps, "className"> & {
  /** One primary button in a view at most; danger is for what cannot be undone. */
  look?: "primary" | "plain" | "quiet" | "danger";
};

export function Button({ look = "plain", ...props }: Props) {
  return <AriaButton {...props} className={`button button-${look}`} />;
}
