// The clusters of the kubeconfig, to pick one of. Moving through them contacts nothing.

import { Box } from "lucide-react";
import { ListBox, ListBoxItem, Text } from "react-aria-components";

import type { Context } from "../../bindings/wire";
import { words } from "./words";

interface Props {
  contexts: readonly Context[];
  chosen: string | null;
  onPick: (context: string) => void;
  onConnect: (context: string) => void;
}

export function Clusters({ contexts, chosen, onPick, onConnect }: Props) {
  return (
    <ListBox
      className="clusters"
      aria-label={words.clusters}
      selectionMode="single"
      selectionBehavior="replace"
      disallowEmptySelection
      selectedKeys={chosen === null ? [] : [chosen]}
      onSelectionChange={(keys) => {
        const next = contexts.find(({ name }) => keys !== "all" && keys.has(name));
        if (next) onPick(next.name);
      }}
      onAction={(key) => { onConnect(String(key)); }}
    >
      {contexts.map((context) => (
        <ListBoxItem key={context.name} id={context.name} textValue={context.name} className="cluster">
          <span className="cluster-dot" aria-hidden />
          <Box className={context.isProduction ? "cluster-mark cluster-mark-prod" : "cluster-mark"} size={16} strokeWidth={1.5} aria-hidden />
          <Text slot="label" className="cluster-name">{context.name}</Text>
          <span className="mono cluster-server">{context.cluster === context.name ? context.user : `${context.cluster} · ${context.user}`}</span>
          <Text slot="description" className="cluster-side">
            {context.isProduction && <span className="cluster-prod">{words.production}</span>}
            {context.isCurrent ? words.current : ""}
          </Text>
        </ListBoxItem>
      ))}
    </ListBox>
  );
}
