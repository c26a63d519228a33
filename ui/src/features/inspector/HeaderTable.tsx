// Headers, in their order and case. Hidden values say so and can be revealed.

import type { Header, Hidden, HiddenPart, Text } from "../../bindings/wire";
import { shown } from "./format";
import { Pairs } from "./BodyView";

interface Props {
  headers: readonly Header[];
  part: HiddenPart;
  hidden: readonly Hidden[];
  onReveal: () => void;
  label: string;
}

export function HeaderTable({ headers, part, hidden, onReveal, label }: Props) {
  const covered = new Set(
    hidden.flatMap((one) => (one.part === part && (one.where.kind === "header" || one.where.kind === "own") ? [one.where.name.toLowerCase()] : [])),
  );
  if (headers.length === 0) return <p className="body-empty">No headers.</p>;
  return (
    <dl className="headers selectable" aria-label={label}>
      {headers.map((header, index) => {
        const name = shown(header.name);
        const value = shown(header.value);
        const isHidden = covered.has(name.toLowerCase());
        return (
          <div key={`${name}-${String(index)}`} className="header" data-mark={name.toLowerCase() === "x-c6o-intercept" || undefined}>
            <dt>{name}</dt>
            <dd data-field={part.startsWith("request") ? "reqheader" : "resheader"} data-value={isHidden ? name : `${name}=${value}`}>
              {isHidden
                ? <><span className="header-hidden">hidden</span> <button type="button" className="text-link" aria-label={`Reveal ${name}`} onClick={onReveal}>Reveal</button></>
                : value}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

export function queryOf(target: Text): { name: string; value: string }[] {
  const text = shown(target);
  const at = text.indexOf("?");
  return at < 0 ? [] : [...new URLSearchParams(text.slice(at + 1))].map(([name, value]) => ({ name, value }));
}

export const QueryTable = ({ query }: { query: { name: string; value: string }[] }) => <Pairs rows={query} label="Query" />;
