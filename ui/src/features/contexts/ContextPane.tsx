// The contexts of the kubeconfig. Moving through them contacts nothing; choosing one does.

import { Box } from "lucide-react";
import { ListBox, ListBoxItem, Text } from "react-aria-components";

import type { Context } from "../../bindings/wire";
import type { Answer } from "../../bridge/use-answer";
import { Waiting } from "../../components/Waiting";
import "./contexts.css";
import { refusalTitle } from "./refusal-title";

interface Props {
  answer: Answer<Context[]>;
  chosen: string | null;
  onChoose: (context: string) => void;
}

export function ContextPane({ answer, chosen, onChoose }: Props) {
  const count = answer.state === "answered" ? answer.value.length : null;
  return (
    <section className="contexts" aria-label="Contexts">
      <h2 className="contexts-head" id="contexts-head">
        Contexts {count !== null && <span className="contexts-count">{count}</span>}
      </h2>
      {answer.state === "asking" && <Waiting words="Reading the kubeconfig" rows={4} />}
      {answer.state === "refused" && <p className="contexts-none">{refusalTitle(answer.error.code)}.</p>}
      {answer.state === "answered" && (
        <ListBox
          className="contexts-list"
          aria-labelledby="contexts-head"
          items={answer.value}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={chosen === null ? [] : [chosen]}
          autoFocus={chosen === null ? "first" : false}
          onSelectionChange={(keys) => {
            const next = answer.value.find((context) => keys !== "all" && keys.has(context.name));
            if (next) onChoose(next.name);
          }}
        >
          {(context) => <ContextRow context={context} />}
        </ListBox>
      )}
    </section>
  );
}

function remark({ isCurrent, isSandbox }: Context): string | null {
  if (isSandbox) return "in this program";
  return isCurrent ? "current" : null;
}

function ContextRow({ context }: { context: Context }) {
  return (
    <ListBoxItem id={context.name} className="context" textValue={context.name}>
      <Box className="context-icon" size={16} strokeWidth={1.5} aria-hidden />
      <Text slot="label" className="context-name">{context.name}</Text>
      {remark(context) && <Text slot="description" className="context-current">{remark(context)}</Text>}
    </ListBoxItem>
  );
}
