// A word beside an icon when it is pointed at. Never the only copy of a fact: the icon has the same name.

import type { ReactElement } from "react";
import { Tooltip, TooltipTrigger } from "react-aria-components";

import "./tip.css";

interface Props {
  words: string;
  keys?: string;
  placement?: "top" | "right" | "bottom" | "left";
  children: ReactElement;
}

export function Tip({ words, keys, placement = "bottom", children }: Props) {
  return (
    <TooltipTrigger delay={400} closeDelay={0}>
      {children}
      <Tooltip className="tip" placement={placement} offset={6}>
        {words}
        {keys !== undefined && <kbd className="key">{keys}</kbd>}
      </Tooltip>
    </TooltipTrigger>
  );
}
