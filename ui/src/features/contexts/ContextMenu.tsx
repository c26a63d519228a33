// Which cluster: a menu of contexts. Opening it contacts none of them; choosing one does.

import { Box, Check, ChevronDown, RotateCw, ShieldAlert } from "lucide-react";
import { Button, Menu, MenuItem, MenuTrigger, Popover, Separator } from "react-aria-components";

import type { Context } from "../../bindings/wire";
import { useBridge } from "../../bridge/use-bridge";
import "../../components/field.css";
import "./contexts.css";
import { words } from "./words";

interface Props {
  contexts: readonly Context[];
  chosen: string | null;
  onChoose: (context: Context) => void;
  onLookAgain: () => void;
}

export function ContextMenu({ contexts, chosen, onChoose, onLookAgain }: Props) {
  const bridge = useBridge();
  const current = contexts.find(({ name }) => name === chosen);
  const mark = () => {
    if (current) void bridge.ask("mark_context", { context: current.name, isProduction: !current.isProduction }).catch(() => undefined);
  };
  return (
    <MenuTrigger>
      <Button className="choice context-chip" aria-label={`${words.context}: ${chosen ?? words.noContext}${current?.isProduction ? `, ${words.production}` : ""}`}>
        <Box className={current?.isProduction ? "context-mark context-mark-prod" : "context-mark"} size={14} strokeWidth={1.5} aria-hidden />
        <span>{chosen ?? words.noContext}</span>
        {current?.isProduction && <Production />}
        <ChevronDown size={14} strokeWidth={1.5} aria-hidden />
      </Button>
      <Popover className="popover" placement="bottom start">
        <Menu className="options" aria-label={words.context}>
          {contexts.map((context) => (
            <MenuItem key={context.name} id={context.name} textValue={context.name} className="option" onAction={() => { onChoose(context); }}>
              {context.name === chosen
                ? <Check size={14} strokeWidth={1.5} aria-hidden /> : <span className="context-space" aria-hidden />}
              <span className="context-name">{context.name}</span>
              {context.isProduction && <Production />}
              <span className="option-side">{remark(context)}</span>
            </MenuItem>
          ))}
          <Separator className="option-separator" />
          {current && !current.isSandbox && (
            <MenuItem id="mark" className="option" onAction={mark}>
              <ShieldAlert size={14} strokeWidth={1.5} aria-hidden />
              {`${current.isProduction ? words.unmarkProduction : words.markProduction}: ${current.name}`}
            </MenuItem>
          )}
          <MenuItem id="again" className="option" onAction={onLookAgain}>
            <RotateCw size={14} strokeWidth={1.5} aria-hidden />{words.lookAgain}
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function remark({ isSandbox, isCurrent }: Context): string {
  if (isSandbox) return words.sandbox;
  return isCurrent ? words.current : "";
}

const Production = () => <span className="context-prod">{words.production}</span>;
