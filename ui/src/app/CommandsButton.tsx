import { Keyboard } from "lucide-react";
import { createContext, useContext } from "react";

import { Button } from "../components/Button";
import { ctrl } from "../components/platform";

/** Opens the command palette. */
export const PaletteContext = createContext<() => void>(() => undefined);

export function CommandsButton() {
  const open = useContext(PaletteContext);
  return (
    <Button look="quiet" onPress={open} aria-label="Commands">
      <Keyboard size={14} strokeWidth={1.5} aria-hidden />
      <span className="wide-only">Commands</span>
      <kbd className="key">{ctrl} K</kbd>
    </Button>
  );
}
