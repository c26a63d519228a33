// A picture, as the bytes say; never as a document.

import { useCallback } from "react";

import type { BodyHalf } from "../../bindings/wire";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";

const shownFormats = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "image/x-icon"]);

export function ImageView({ of: { id, half }, width, height, format }: { of: { id: number; half: BodyHalf }; width: number; height: number; format: string }) {
  const bridge = useBridge();
  const { answer } = useAnswer(useCallback(() => bridge.ask("request_body", { id, half }), [bridge, id, half]));
  const words = `${format}, ${width} × ${height} pixels`;
  return (
    <figure className="picture">
      {answer.state === "answered" && shownFormats.has(format) && <img src={`data:${format};base64,${answer.value.base64}`} alt={words} />}
      {answer.state === "refused" && <p className="body-empty">{answer.error.message} {answer.error.hint}</p>}
      <figcaption>{words}</figcaption>
    </figure>
  );
}
