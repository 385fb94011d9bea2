import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { linter, lintGutter, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useId, useRef } from "react";
import { useText } from "../text/language.tsx";
import { CTX_MEMBERS, STATE_MEMBERS } from "./host-interface.ts";
import { sourceFault } from "./strip-types.ts";

/** From the tokens, since the default style is unreadable on dark. */
const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword], color: "var(--b-recovered)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--b-final)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--b-tentative)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--b-live)" },
  { tag: [tags.comment], color: "var(--b-ink-2)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.className], color: "var(--b-live)" },
  { tag: tags.invalid, color: "var(--b-refused)" },
]);

function complete(context: CompletionContext): CompletionResult | null {
  const state = context.matchBefore(/\bctx\.state\.\w*/);
  if (state) return { from: state.from + "ctx.state.".length, options: [...STATE_MEMBERS], validFor: /^\w*$/ };
  const ctx = context.matchBefore(/\bctx\.\w*/);
  if (ctx) return { from: ctx.from + "ctx.".length, options: [...CTX_MEMBERS], validFor: /^\w*$/ };
  return null;
}

function lint(view: EditorView): readonly Diagnostic[] {
  const fault = sourceFault(view.state.doc.toString());
  if (fault === null) return [];
  const line = view.state.doc.line(Math.min(view.state.doc.lines, fault.line ?? 1));
  return [{ from: line.from, to: line.to, severity: "error", message: fault.message }];
}

function extensionsOf({ label, hint }: { label: string; hint: string }, onChange: (source: string) => void) {
  const language = javascript({ typescript: true });
  return [
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    language,
    language.language.data.of({ autocomplete: complete }),
    autocompletion(),
    linter(lint, { delay: 300 }),
    lintGutter(),
    syntaxHighlighting(highlight),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": hint, tabindex: "0" }),
    // Escape, then Tab leaves the editor: a keyboard must not be caught in it (WCAG 2.1.2).
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
    }),
  ];
}

/** The editor; it owns its text, `source` is what it begins with. */
export function CodeEditor({ source, label, onChange }: { source: string; label: string; onChange: (source: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const text = useText();
  const hint = useId();
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  });
  useEffect(() => {
    if (box.current === null) return undefined;
    const state = EditorState.create({ doc: source, extensions: extensionsOf({ label, hint }, (next) => change.current(next)) });
    const view = new EditorView({ state, parent: box.current });
    return () => view.destroy();
  }, [source, label, hint]);
  return (
    <>
      <div className="code" ref={box} />
      <p id={hint} className="quiet pad">
        {text.contracts.leaveEditor}
      </p>
    </>
  );
}
