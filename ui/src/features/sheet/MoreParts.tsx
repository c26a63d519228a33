// Tunnel, lifetime, recording, and which port.

import { RadioGroup } from "react-aria-components";

import type { PortProtocol, RecordingLevel, ServiceSummary } from "../../bindings/wire";
import { Picker } from "../../components/Picker";
import { Radio } from "../../components/Radio";
import { span } from "../../components/time-words";
import { FieldError } from "./FieldError";
import type { PartProps } from "./MatchPart";
import { lifetimes, words } from "./words";

export function TunnelPart() {
  return (
    <section className="sheet-part" aria-labelledby="tunnel-title">
      <h3 className="sheet-label" id="tunnel-title">{words.tunnel}</h3>
      <RadioGroup className="targets" aria-labelledby="tunnel-title" value="relay">
        <Radio value="relay">
          <span>{words.relay} <span className="quiet">{words.relayHint}</span></span>
        </Radio>
        <Radio value="ngrok" isDisabled>
          <span>{words.ngrok} <span className="quiet">{words.ngrokHint}</span></span>
        </Radio>
      </RadioGroup>
    </section>
  );
}

const levels: readonly RecordingLevel[] = ["bodies", "heads", "nothing"];
const speaks = ["auto", "http", "tcp"] as const;

export function MoreParts({ wish, onWish, error, isDisabled, service }: PartProps & { service: ServiceSummary | null }) {
  const ports = service?.ports.filter(({ protocol }) => protocol === "TCP") ?? [];
  const chosen = wish.port ?? String(ports[0]?.port ?? "");
  const isListed = lifetimes.some(({ seconds }) => seconds === wish.ttlSeconds);
  const spans = isListed ? lifetimes : [...lifetimes, { seconds: wish.ttlSeconds, name: span(wish.ttlSeconds ?? 0) }];
  return (
    <section className="sheet-part picks">
      {ports.length > 1 && (
        <div className="field">
          <span className="field-label">{words.port}</span>
          <Picker
            label={words.port} isDisabled={isDisabled} chosen={chosen} onChoose={(port) => { onWish({ port }); }}
            options={ports.map(({ name, port }) => ({ id: name ?? String(port), name: name === null ? String(port) : `${name}:${port}` }))}
          />
          <FieldError error={error} field="port" />
        </div>
      )}
      <div className="field">
        <span className="field-label">{words.lifetime}</span>
        <Picker
          label={words.lifetime} isDisabled={isDisabled} chosen={String(wish.ttlSeconds)}
          options={spans.map(({ seconds, name }) => ({ id: String(seconds), name }))}
          onChoose={(id) => { onWish({ ttlSeconds: id === "null" ? null : Number(id) }); }}
        />
      </div>
      <div className="field">
        <span className="field-label">{words.recording}</span>
        <Picker
          label={words.recording} isDisabled={isDisabled} chosen={wish.recording} onChoose={(recording) => { onWish({ recording }); }}
          options={levels.map((id) => ({ id, name: words.recordings[id] }))}
        />
      </div>
      <div className="field">
        <span className="field-label">{words.speaks}</span>
        <Picker
          label={words.speaks} isDisabled={isDisabled} chosen={wish.protocol ?? "auto"}
          options={speaks.map((id) => ({ id, name: words.speaksOptions[id] }))}
          onChoose={(id) => { onWish({ protocol: protocolOf(id) }); }}
        />
      </div>
    </section>
  );
}

const protocolOf = (id: (typeof speaks)[number]): PortProtocol | null => (id === "auto" ? null : id);
