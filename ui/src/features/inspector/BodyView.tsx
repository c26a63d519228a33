// What a body says, by what it holds.

import type { BodyHalf, Content, Decoded, GrpcStatus, JsonLine, Problem, ProtoField, ProtoValue } from "../../bindings/wire";
import { CodeView } from "./CodeView";
import { size } from "./format";
import { ImageView } from "./ImageView";
import { JsonView } from "./JsonView";
import { EventList, SocketList } from "./MessageLists";
import "../../components/field.css";
import "./body.css";

interface Props {
  body: Decoded;
  /** Whose body it is, for pictures and for names. */
  of: { id: number; half: BodyHalf };
}

const halves: Record<BodyHalf, string> = { request: "Body of the request", response: "Body of the answer" };

export function BodyView({ body, of }: Props) {
  return (
    <div className="body">
      <Problems problems={body.problems ?? []} />
      <ContentView content={body.content} of={of} label={halves[of.half]} />
    </div>
  );
}

/** What a body is, in a few words: `118 B · JSON · gzip undone`. */
export function bodyWords(body: Decoded): string {
  const words = [size(body.size), kindWords(body.content)];
  if (body.codings && body.codings.length > 0) words.push(`${body.codings.join(", ")} undone: ${size(body.unpacked)}`);
  if (body.recorded < body.size) words.push(`only the first ${size(body.recorded)} kept`);
  return words.join(" · ");
}

function kindWords(content: Content): string {
  switch (content.kind) {
    case "empty": return "no body";
    case "text": return content.language === "plain" ? "text" : languages[content.language];
    case "json": return "JSON";
    case "jsonLines": return "JSON lines";
    case "form": return "form";
    case "multipart": return `${content.parts.length} parts`;
    case "image": return content.format;
    case "protobuf": return "protobuf";
    case "message": return content.messageType;
    case "grpc": return `gRPC, ${content.messages.length} messages`;
    case "webSocket": return `WebSocket, ${content.messages.length} messages`;
    case "events": return `${content.events.length} events`;
    case "bytes": return "bytes";
  }
}

const languages = { plain: "text", html: "HTML", xml: "XML", javaScript: "JavaScript", css: "CSS", yaml: "YAML", graphQl: "GraphQL", markdown: "Markdown", csv: "CSV" };

export function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className="problems">
      {problems.map(({ kind, text, at }) => (
        <li key={text} className={kind === "malformed" ? "problem problem-bad" : "problem"}>
          {text}
          {at && <span className="problem-at"> {at.line ? `Line ${at.line}, column ${at.column ?? 1}.` : `Byte ${at.byte}.`}</span>}
        </li>
      ))}
    </ul>
  );
}

export function ContentView({ content, of, label }: { content: Content; of: Props["of"]; label: string }) {
  switch (content.kind) {
    case "empty": return <p className="body-empty">No body.</p>;
    case "text": return <CodeView text={content.text} language={content.language} label={label} />;
    case "json": return <JsonView pretty={content.pretty} rest={content.rest ?? ""} label={label} />;
    case "message": return <JsonView pretty={content.pretty} rest="" label={label} />;
    case "jsonLines": return <CodeView text={linesText(content.lines)} language="json" label={label} />;
    case "form":
      return <Pairs rows={content.fields.map(({ name, value }) => ({ name, value }))} label={label} />;
    case "multipart":
      return (
        <ol className="body-parts">
          {content.parts.map((part) => (
            <li key={part.offset} className="body-part">
              <h4 className="body-part-title">{[part.name ?? "Part", part.filename, bodyWords(part.content)].filter(Boolean).join(" · ")}</h4>
              <Problems problems={part.content.problems ?? []} />
              {part.content.content.kind === "image"
                ? <p className="body-empty">{part.content.content.width} × {part.content.content.height} pixels</p>
                : <ContentView content={part.content.content} of={of} label={part.name ?? "Part"} />}
            </li>
          ))}
        </ol>
      );
    case "image": return <ImageView of={of} width={content.width} height={content.height} format={content.format} />;
    case "protobuf": return <ProtoFields fields={content.fields} />;
    case "grpc":
      return (
        <div className="body-scroll">
          <ol className="body-parts">
            {content.messages.map((message, index) => (
              <li key={message.offset} className="body-part">
                <h4 className="body-part-title">Message {index + 1} · {bodyWords(message.content)}{message.compressed ? " · compressed" : ""}</h4>
                <Problems problems={message.content.problems ?? []} />
                <ContentView content={message.content.content} of={of} label={`Message ${index + 1}`} />
              </li>
            ))}
          </ol>
          {content.status && <GrpcEnd status={content.status} />}
        </div>
      );
    case "webSocket": return <SocketList messages={content.messages} of={of} />;
    case "events": return <EventList events={content.events} />;
    case "bytes":
      return (
        <div className="body-scroll">
          <table className="hex selectable" aria-label={label}>
            <tbody>
              {content.beginning.map(({ offset, hex, ascii }) => (
                <tr key={offset}><th scope="row">{offset.toString(16).padStart(8, "0")}</th><td>{hex}</td><td>{ascii}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      );
  }
}

const linesText = (lines: readonly JsonLine[]) => lines.map(({ pretty, rest }) => pretty + (rest ?? "")).join("\n");

function GrpcEnd({ status: { code, name, message } }: { status: GrpcStatus }) {
  return (
    <p className={code === "0" ? "grpc-end" : "grpc-end grpc-bad"}>
      <span>grpc-status {code}{name ? ` ${name}` : ""}</span>
      {message && <span className="selectable">{message}</span>}
    </p>
  );
}

/** Names and values in two columns. */
export function Pairs({ rows, label }: { rows: readonly { name: string; value: string }[]; label: string }) {
  return (
    <div className="body-scroll">
      <dl className="pairs selectable" aria-label={label}>
        {rows.map(({ name, value }, index) => (
          <div key={`${name}-${String(index)}`} className="pair"><dt>{name}</dt><dd>{value}</dd></div>
        ))}
      </dl>
    </div>
  );
}

function ProtoFields({ fields }: { fields: readonly ProtoField[] }) {
  return (
    <ul className="proto selectable">
      {fields.map(({ number, offset, value }) => (
        <li key={offset}>
          <span className="proto-number">{number}</span> <span className="proto-kind">{value.kind}</span>{" "}
          {value.kind === "message" || value.kind === "group" ? <ProtoFields fields={value.fields} /> : <span>{protoWords(value)}</span>}
        </li>
      ))}
    </ul>
  );
}

function protoWords(value: Exclude<ProtoValue, { kind: "message" | "group" }>): string {
  switch (value.kind) {
    case "varint": return [value.unsigned, value.signed ? `int64 ${value.signed}` : "", `sint64 ${value.zigzag}`].filter(Boolean).join(" · ");
    case "fixed64": case "fixed32": return `${value.unsigned} · float ${value.float}`;
    case "text": return JSON.stringify(value.text);
    case "packed": return `[${value.values.join(", ")}]`;
    case "bytes": return `${value.hex} · ${size(value.size)}`;
  }
}
