import { RotateCw } from "lucide-react";

import { Button } from "./Button";

interface Props {
  isAsking?: boolean;
  onLookAgain: () => void;
  look?: "primary" | "plain" | "quiet";
}

export function LookAgain({ isAsking = false, onLookAgain, look = "plain" }: Props) {
  return (
    <Button look={look} onPress={onLookAgain} isDisabled={isAsking}>
      <RotateCw size={14} strokeWidth={1.5} aria-hidden />
      Look again
    </Button>
  );
}
