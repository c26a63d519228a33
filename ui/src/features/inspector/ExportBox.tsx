// Requests written to a file or copied: chosen ones, what the filter finds, or all. Secrets stay covered unless a box is ticked.

import { Download } from "lucide-react";
import { useState } from "react";
import { Dialog, DialogTrigger, Heading, Popover, RadioGroup, ToggleButton, ToggleButtonGroup } from "react-aria-components";

import type { ExportFormat, Selection } from "../../bindings/wire";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { Checkbox } from "../../components/Checkbox";
import { counted } from "../../components/counted";
import { Radio } from "../../components/Radio";
import type { ActsState } from "./acts";
import "../../components/field.css";
import "./box.css";

interface Props {
  ids: ReadonlySet<number>;
  /** What the list shows, as it was asked. */
  filter: string;
  found: number;
  all: number;
  attempt: ActsState["attempt"];
}

type What = "chosen" | "found" | "all";
const formats: Record<ExportFormat, string> = { har: "HAR", curl: "curl", raw: "Raw" };
const endings: Record<ExportFormat, string> = { har: "har", curl: "sh", raw: "txt" };

export function ExportBox(props: Props) {
  return (
    <DialogTrigger>
      <Button look="quiet"><Download size={14} strokeWidth={1.5} aria-hidden /><span className="act-word">Export</span></Button>
      <Popover className="popover box" placement="bottom end">
        <Dialog className="box-dialog">{({ close }) => <Choices {...props} onDone={close} />}</Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Choices({ ids, filter, found, all, attempt, onDone }: Props & { onDone: () => void }) {
  const bridge = useBridge();
  const [what, setWhat] = useState<What>(ids.size > 1 ? "chosen" : "found");
  const [format, setFormat] = useState<ExportFormat>("har");
  const [reveal, setReveal] = useState(false);
  const selection: Selection = what === "chosen" ? { kind: "ids", ids: [...ids] } : { kind: "filter", filter: what === "found" ? filter : "" };
  const covered = reveal ? "" : ", secrets covered";
  const save = () => {
    onDone();
    attempt(async () => {
      const path = await bridge.shell.saveFile({ title: "Export requests", suggested: `requests.${endings[format]}` });
      if (path === null) return null;
      const count = await bridge.ask("save_requests", { selection, format, reveal, path });
      return `${counted(count, "request")} written to ${path}${covered}.`;
    });
  };
  const copy = () => {
    onDone();
    attempt(async () => {
      const { text, count } = await bridge.ask("write_requests", { selection, format, reveal });
      await bridge.shell.copyText(text);
      return `${counted(count, "request")} copied${covered}.`;
    });
  };
  return (
    <>
      <Heading slot="title" className="box-title">Export requests</Heading>
      <RadioGroup aria-label="Which requests" className="box-choices" value={what} onChange={(next) => { setWhat(next as What); }}>
        <Radio value="chosen" isDisabled={ids.size === 0}>{counted(ids.size, "chosen request")}</Radio>
        <Radio value="found">What the list shows, {counted(found, "request")}</Radio>
        <Radio value="all">All, {counted(all, "request")}</Radio>
      </RadioGroup>
      <ToggleButtonGroup
        aria-label="Format" className="segments" selectionMode="single" disallowEmptySelection selectedKeys={[format]}
        onSelectionChange={(keys) => { setFormat(([...keys][0] ?? "har") as ExportFormat); }}
      >
        {Object.entries(formats).map(([each, words]) => <ToggleButton key={each} id={each} className="segment">{words}</ToggleButton>)}
      </ToggleButtonGroup>
      <Checkbox isSelected={reveal} onChange={setReveal}>With secrets, as they were sent</Checkbox>
      <div className="box-foot">
        <Button onPress={copy}>Copy</Button>
        <Button look="primary" onPress={save}>Save…</Button>
      </div>
    </>
  );
}
