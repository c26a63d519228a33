// CodeMirror as this window has it: our colours, few commands. Loaded when the first body is shown.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import type { CodeLanguage } from "./CodeView";

interface Wish {
  root: ShadowRoot;
  text: string;
  language: CodeLanguage;
  label: string;
  isEditable: boolean;
  onChange: (text: string) => void;
}

export async function openEditor({ root, text, language, label, isEditable, onChange }: Wish): Promise<EditorView> {
  const colours = await languageOf(language);
  const parent = document.createElement("div");
  parent.setAttribute("part", "editor");
  root.replaceChildren(parent);
  return new EditorView({
    root, parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        colours, theme, syntaxHighlighting(colouring), lineNumbers(), codeFolding({ placeholderText: "…" }), foldGutter({ markerDOM: marker }),
        highlightSpecialChars(), drawSelection(), bracketMatching(), highlightSelectionMatches(), search({ top: true }), history(), indentOnInput(),
        keymap.of([...searchKeymap, ...foldKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorState.readOnly.of(!isEditable),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => { if (update.docChanged) onChange(update.state.doc.toString()); }),
      ],
    }),
  });
}

function marker(isOpen: boolean): HTMLElement {
  const mark = document.createElement("span");
  mark.textContent = isOpen ? "⌄" : "›";
  return mark;
}

/** Each language is a part of its own, fetched from the program when it is met. */
async function languageOf(language: CodeLanguage): Promise<Extension> {
  switch (language) {
    case "json": return (await import("@codemirror/lang-json")).json();
    case "html": return (await import("@codemirror/lang-html")).html();
    case "xml": return (await import("@codemirror/lang-xml")).xml();
    case "javaScript": return (await import("@codemirror/lang-javascript")).javascript();
    case "css": return (await import("@codemirror/lang-css")).css();
    case "yaml": return (await import("@codemirror/lang-yaml")).yaml();
    case "markdown": return (await import("@codemirror/lang-markdown")).markdown();
    case "plain": case "graphQl": case "csv": return [];
  }
}

const colouring = HighlightStyle.define([
  { tag: [tags.propertyName, tags.attributeName, tags.tagName], color: "var(--c-key)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--c-string)" },
  { tag: tags.number, color: "var(--c-number)" },
  { tag: [tags.bool, tags.null, tags.keyword, tags.atom], color: "var(--c-literal)" },
  { tag: [tags.punctuation, tags.comment, tags.meta], color: "var(--c-punct)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text-1)", backgroundColor: "transparent", fontSize: "11.5px" },
  "&.cm-focused": { outline: "none", boxShadow: "var(--focus-inset)" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "18px", fontVariantLigatures: "none", overflow: "auto" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--accent)", userSelect: "text" },
  ".cm-gutters": { backgroundColor: "transparent", border: "0", color: "var(--c-gutter)" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "28px", padding: "0 2px 0 0" },
  ".cm-foldGutter .cm-gutterElement": { width: "12px", textAlign: "center", cursor: "pointer" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-tint-2)" },
  ".cm-foldPlaceholder": { background: "var(--control)", border: "0", color: "var(--text-2)", padding: "0 4px" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-tint)", outline: "1px solid var(--warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--accent-tint-2)" },
  ".cm-selectionMatch, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-tint)" },
  ".cm-panels": { backgroundColor: "var(--surface-2)", color: "var(--text-1)", borderBottom: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "6px 28px 6px 8px", font: "var(--fs-2)/var(--lh-2) var(--font-ui)" },
  ".cm-panel.cm-search label": { fontSize: "var(--fs-1)", color: "var(--text-2)" },
  ".cm-textfield": { background: "var(--surface-1)", color: "var(--text-1)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-2)", font: "inherit" },
  ".cm-button": { backgroundImage: "none", background: "var(--control)", color: "var(--text-1)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-2)", font: "inherit" },
  ".cm-panel [name=close]": { color: "var(--text-2)" },
});
