import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic as Found, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Text } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { type Ref, useEffect, useImperativeHandle, useRef } from 'react';
import type { Diagnostic } from '../../../api/contract/records.ts';
import { assist } from './assist.ts';
import { LOOK } from './look.ts';
import type { Schema } from './schema.ts';

export interface EditorHandle {
  replace(text: string): void;
  /** Puts the caret there. */
  jump(line: number, column: number): void;
  fix(d: Diagnostic): void;
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--alarm)' },
  { tag: tags.comment, color: 'var(--dim)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.keyword], color: 'var(--warn)' },
]);

/**
 * CodeMirror. It lives in a shadow root: there its style sheets are adopted ones, which the page's policy allows, while in the
 * page itself they would be `<style>` elements, which it does not.
 */
export function CodeEditor(props: {
  initial: string;
  /** Shown against this text. */
  against: string | null;
  label: string;
  diagnostics: readonly Diagnostic[];
  schema: Schema | undefined;
  ports: Readonly<Record<string, readonly string[]>>;
  fixLabel: (text: string) => string;
  onChange: (text: string) => void;
  ref: Ref<EditorHandle>;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const merge = useRef(new Compartment());
  const latest = useRef(props);
  latest.current = props;

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what changes is read from `latest`
  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: 'open' });
    const v = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: props.initial,
        extensions: [
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSelectionMatches(),
          lintGutter(),
          yaml(),
          syntaxHighlighting(COLOURS),
          assist(
            () => latest.current.schema,
            () => latest.current.ports,
          ),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...foldKeymap,
            ...completionKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          EditorView.contentAttributes.of({ 'aria-label': props.label, spellcheck: 'false' }),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) latest.current.onChange(u.state.doc.toString());
          }),
          EditorState.tabSize.of(2),
          merge.current.of([]),
          LOOK,
        ],
      }),
    });
    view.current = v;
    // What scrolls must be reached by keyboard, also while nothing in it has the focus.
    v.scrollDOM.tabIndex = 0;
    return () => {
      view.current = null;
      v.destroy();
    };
  }, []);

  const { against, diagnostics } = props;
  useEffect(() => {
    const shown =
      against === null
        ? []
        : unifiedMergeView({ original: against, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } });
    view.current?.dispatch({ effects: merge.current.reconfigure(shown) });
  }, [against]);
  useEffect(() => {
    const v = view.current;
    if (!v) return;
    const found = diagnostics.map((d): Found => {
      const [from, to] = range(v.state.doc, d);
      return {
        from,
        to,
        severity: d.severity,
        source: d.code,
        message: d.help ? `${d.message}\n${d.help}` : d.message,
        ...(d.suggestion
          ? { actions: [{ name: latest.current.fixLabel(d.suggestion), apply: (w) => replaceBy(w, d) }] }
          : {}),
      };
    });
    v.dispatch(setDiagnostics(v.state, found));
  }, [diagnostics]);

  useImperativeHandle(props.ref, () => ({
    replace: (text) =>
      view.current?.dispatch({ changes: { from: 0, to: view.current.state.doc.length, insert: text } }),
    jump: (line, column) => {
      const v = view.current;
      if (!v) return;
      const [from] = range(v.state.doc, { line, column, end_column: column });
      v.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
      v.focus();
    },
    fix: (d) => view.current && replaceBy(view.current, d),
  }));
  return <div className="code" ref={host} data-editor />;
}

function replaceBy(v: EditorView, d: Diagnostic): void {
  const [from, to] = range(v.state.doc, d);
  v.dispatch({ changes: { from, to, insert: d.suggestion ?? '' } });
}
/** Line and columns from 1, the end after the last sign; a finding may speak of an older text. */
function range(doc: Text, d: Pick<Diagnostic, 'line' | 'column' | 'end_column'>): [number, number] {
  const line = doc.line(Math.min(Math.max(1, d.line), doc.lines));
  const from = Math.min(line.from + Math.max(0, d.column - 1), line.to);
  return [from, Math.min(line.to, Math.max(from, line.from + d.end_column - 1))];
}
