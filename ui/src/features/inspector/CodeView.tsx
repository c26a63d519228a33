// Text with colours, folding, line numbers and search. The editor stands in a shadow root: there it adopts its style
// sheets, while in the document it would add style elements, which the content policy refuses.

import { useEffect, useRef } from "react";

import type { EditorView } from "@codemirror/view";

import "./code.css";

export type CodeLanguage = "json" | "plain" | "html" | "xml" | "javaScript" | "css" | "yaml" | "graphQl" | "markdown" | "csv";

interface Props {
  text: string;
  language: CodeLanguage;
  /** What it is, for those who hear it. */
  label: string;
  /** Told what was typed; without it nothing can be typed. */
  onChange?: (text: string) => void;
}

export function CodeView({ text, language, label, onChange }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | null>(null);
  const latest = useRef({ text, onChange });
  useEffect(() => { latest.current = { text, onChange }; });
  const isEditable = onChange !== undefined;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let isGone = false;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    void import("./code-editor").then(async ({ openEditor }) => {
      const view = await openEditor({
        root, language, label, isEditable, text: latest.current.text,
        onChange: (typed) => { latest.current.onChange?.(typed); },
      });
      if (isGone) view.destroy();
      else editor.current = view;
    });
    return () => {
      isGone = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, [language, label, isEditable]);

  useEffect(() => {
    const view = editor.current;
    if (!view || view.state.doc.toString() === text) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }, [text]);

  return <div ref={host} className="code-view" data-testid="code" data-text={import.meta.env.MODE === "test" ? text : undefined} />;
}
