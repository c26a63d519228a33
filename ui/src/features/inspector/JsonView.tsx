// JSON laid out, or as a tree. What follows an error is shown as it was sent.

import { useState } from "react";
import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

import { CodeView } from "./CodeView";
import { JsonTree } from "./JsonTree";

export function JsonView({ pretty, rest, label }: { pretty: string; rest: string; label: string }) {
  const [look, setLook] = useState<"text" | "tree">("text");
  const canBeTree = rest === "" && /^\s*[{[]/.test(pretty);
  return (
    <div className="json">
      {canBeTree && (
        <ToggleButtonGroup
          aria-label="How JSON is shown" className="segments json-look" selectionMode="single" disallowEmptySelection selectedKeys={[look]}
          onSelectionChange={(keys) => { setLook(keys.has("tree") ? "tree" : "text"); }}
        >
          <ToggleButton id="text" className="segment">Text</ToggleButton>
          <ToggleButton id="tree" className="segment">Tree</ToggleButton>
        </ToggleButtonGroup>
      )}
      {canBeTree && look === "tree"
        ? <JsonTree json={pretty} label={label} />
        : <CodeView text={pretty + rest} language="json" label={label} />}
    </div>
  );
}
