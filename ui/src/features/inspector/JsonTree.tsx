// JSON as a tree whose branches are made when they are opened, so that a large document costs what is in sight.

import { ChevronRight } from "lucide-react";
import { useMemo, useState } from "react";
import { Button, Collection, Tree, TreeItem, TreeItemContent, type Key } from "react-aria-components";

import { branchesOf, readJson, type Branch } from "./json-tree";

export function JsonTree({ json, label }: { json: string; label: string }) {
  const root = useMemo(() => readJson(json), [json]);
  const [open, setOpen] = useState<ReadonlySet<Key>>(new Set(["$"]));
  if (!root) return <p className="body-empty">This is too deep or too long for a tree. The text has all of it.</p>;
  return (
    <Tree
      aria-label={label} className="tree" items={[root]} expandedKeys={open} selectionMode="none"
      onExpandedChange={(keys) => { setOpen(new Set(keys)); }}
    >
      {(branch) => <Item branch={branch} open={open} />}
    </Tree>
  );
}

function Item({ branch, open }: { branch: Branch; open: ReadonlySet<Key> }) {
  const inside = open.has(branch.id) ? branchesOf(branch) : branchesOf(branch).slice(0, 1);
  return (
    <TreeItem id={branch.id} textValue={`${branch.name} ${branch.words}`} className="tree-item">
      <TreeItemContent>
        <span className="tree-row">
          {branch.isBranch
            ? <Button slot="chevron" className="tree-open"><ChevronRight size={12} strokeWidth={1.5} aria-hidden /></Button>
            : <span className="tree-open" />}
          {branch.name !== "" && <span className="tree-name">{branch.name}</span>}
          <span className={`tree-${branch.kind}`}>{branch.words}</span>
        </span>
      </TreeItemContent>
      <Collection items={inside}>{(each) => <Item branch={each} open={open} />}</Collection>
    </TreeItem>
  );
}
