// What axe finds. Contrast is judged token by token elsewhere: jsdom paints nothing.

import axe from "axe-core";

export async function violations(element: Element = document.body): Promise<string[]> {
  const found = await axe.run(element, { rules: { "color-contrast": { enabled: false } } });
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}
