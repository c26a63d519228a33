// Bodies as text, for copying and for what is raw.

import type { Content } from "../../bindings/wire";

/** The text of what can be copied as text; null where it is none. */
export function bodyText(content: Content): string | null {
  switch (content.kind) {
    case "text": return content.text;
    case "json": return content.pretty + (content.rest ?? "");
    case "message": return content.pretty;
    case "jsonLines": return content.lines.map(({ pretty, rest }) => pretty + (rest ?? "")).join("\n");
    case "form": return content.fields.map(({ name, value }) => `${name}=${value}`).join("\n");
    case "events": return content.events.map(({ data }) => data).join("\n");
    default: return null;
  }
}

export function bytesOf(base64: string): Uint8Array {
  const binary = atob(base64);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** UTF-8 where it is, otherwise the bytes as hex. */
export function rawText(base64: string): string {
  const bytes = bytesOf(base64);
  return asUtf8(bytes) ?? hexText(bytes);
}

export function asUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

const mostHex = 65_536;

function hexText(bytes: Uint8Array): string {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, mostHex); at += 16) {
    const row = [...bytes.slice(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${ascii}`);
  }
  if (bytes.length > mostHex) lines.push(`… ${bytes.length - mostHex} bytes more`);
  return lines.join("\n");
}
