// What a pane says instead of its content: empty, or an error with its cause and a way out.

import { CircleX } from "lucide-react";
import type { ReactNode } from "react";

import "./notice.css";

interface Props {
  title: string;
  /** Buttons, the one primary act first. */
  acts?: ReactNode;
  children: ReactNode;
}

export function Notice({ title, acts, children }: Props) {
  return (
    <section className="notice" aria-label={title}>
      <h2 className="notice-title">{title}</h2>
      {children}
      {acts && <div className="notice-acts">{acts}</div>}
    </section>
  );
}

interface ErrorProps extends Omit<Props, "children"> {
  message: string;
  hint: string;
  /** What is offered besides the hint. */
  children?: ReactNode;
}

export function ErrorNotice({ title, message, hint, acts, children }: ErrorProps) {
  return (
    <section className="notice" role="alert" aria-label={title}>
      <h2 className="notice-title">
        <CircleX className="notice-bad" size={16} strokeWidth={1.5} aria-hidden />
        {title}
      </h2>
      <p className="notice-evidence mono selectable">{message}</p>
      <p>{hint}</p>
      {children}
      {acts && <div className="notice-acts">{acts}</div>}
    </section>
  );
}
