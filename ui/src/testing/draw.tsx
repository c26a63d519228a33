// Draws the whole window, or a part of it, on the fake host.

import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import type { ReactNode } from "react";

import { fakeBridge } from "../bridge/fake";
import { BridgeContext } from "../bridge/use-bridge";
import { Desk } from "../state/Desk";

type Wishes = Parameters<typeof fakeBridge>[0];

/** What a view stands in: the bridge, and what events tell. */
export function draw(view: ReactNode, wishes: Wishes = {}) {
  const bridge = fakeBridge(wishes);
  const page = render(<BridgeContext value={bridge}><Desk>{view}</Desk></BridgeContext>);
  return { user: userEvent.setup(), bridge, ...page };
}

/** What axe finds wrong. Colours are judged by the tokens: nothing is painted here. */
export async function violations(container: Element): Promise<string[]> {
  const found = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
}
