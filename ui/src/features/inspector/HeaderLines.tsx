// Headers to change: one per line, as they are sent.

import { Plus, X } from "lucide-react";

import type { EditableHeader } from "../../bindings/wire";
import { Button } from "../../components/Button";

interface Props {
  headers: readonly EditableHeader[];
  onChange: (headers: EditableHeader[]) => void;
}

export function HeaderLines({ headers, onChange }: Props) {
  const put = (index: number, news: Partial<EditableHeader>) => {
    onChange(headers.map((header, at) => (at === index ? { ...header, ...news } : header)));
  };
  return (
    <ul className="header-lines" aria-label="Headers to send">
      {headers.map(({ name, value }, index) => (
        <li key={index} className="header-line">
          <input className="input input-mono" aria-label={`Name of header ${index + 1}`} value={name} onChange={(event) => { put(index, { name: event.target.value }); }} />
          <input className="input input-mono" aria-label={`Value of ${name || `header ${index + 1}`}`} value={value} onChange={(event) => { put(index, { value: event.target.value }); }} />
          <Button look="quiet" aria-label={`Remove ${name || `header ${index + 1}`}`} onPress={() => { onChange(headers.filter((_, at) => at !== index)); }}>
            <X size={14} strokeWidth={1.5} aria-hidden />
          </Button>
        </li>
      ))}
      <li><Button look="quiet" onPress={() => { onChange([...headers, { name: "", value: "" }]); }}><Plus size={14} strokeWidth={1.5} aria-hidden />Header</Button></li>
    </ul>
  );
}
