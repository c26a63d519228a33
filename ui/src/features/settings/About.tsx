import { Copy } from "lucide-react";
import { useState } from "react";

import { useAct } from "../../bridge/use-act";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { useProgram } from "../../state/use-desk";
import { Setting } from "./Setting";
import { words } from "./words";

const text = words.about;

export function VersionSetting() {
  const program = useProgram();
  return <Setting name={text.version}><span className="selectable">{program?.version ?? ""}</span></Setting>;
}

export const LicenceSetting = () => <Setting name={text.licence}>{text.licenceIs}</Setting>;

export function OwnerSetting() {
  const program = useProgram();
  return <Setting name={text.you} help={text.youHelp}><span className="selectable">{program?.owner ?? ""}</span></Setting>;
}

export function KeptSetting() {
  return (
    <Setting name={text.kept} isWide>
      {text.keptIs.map((sentence) => <p key={sentence} className="setting-help">{sentence}</p>)}
    </Setting>
  );
}

export const TelemetrySetting = () => <Setting name={text.telemetry} help={text.telemetryIs} isWide />;

/** What the program could not have when it started; nothing where it has all. */
export function MissingSetting() {
  const missing = useProgram()?.missing ?? [];
  if (missing.length === 0) return null;
  return (
    <Setting name={text.missing} isWide>
      <ul className="missing">{missing.map((sentence) => <li key={sentence} className="setting-help selectable">{sentence}</li>)}</ul>
    </Setting>
  );
}

export function DiagnosticsSetting() {
  const { ask, shell } = useBridge();
  const [isCopied, setCopied] = useState(false);
  const act = useAct(async () => { await shell.copyText(await ask("diagnostics", {})); }, () => { setCopied(true); });
  return (
    <Setting name={text.diagnostics} help={text.diagnosticsHelp} error={act.error}>
      <Button onPress={act.begin} isDisabled={act.isUnderway}>
        <Copy size={14} strokeWidth={1.5} aria-hidden />
        {isCopied && !act.error ? text.copied : text.copy}
      </Button>
    </Setting>
  );
}
