import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { Diagnostic, Graph, Proposal, Run } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery, usePlace } from '../../app/router.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, ErrorNote, Shown, Tabs } from '../../parts/parts.tsx';
import { useGraph } from '../graph/graph-view.tsx';
import { ChangeSheet } from './change-sheet.tsx';
import { CodeEditor, type EditorHandle } from './code-editor.tsx';
import { Findings } from './findings.tsx';
import { Proposals } from './proposals.tsx';
import type { Schema } from './schema.ts';
import './editor.css';

const LINT_MS = 300;

export default function EditorView({ run }: { run: Run }) {
  const graph = useGraph(run);
  const schema = useData('schema', (s) => client.get<Schema>('/config/schema', undefined, s));
  return <Shown of={graph}>{(g) => <Editor run={run} graph={g} schema={schema.data} />}</Shown>;
}

function Editor({ run, graph, schema }: { run: Run; graph: Graph; schema: Schema | undefined }) {
  const t = useText();
  const { query } = usePlace();
  const [text, setText] = useState(() => draft(run.id) ?? graph.yaml);
  const [first] = useState(text);
  const lint = useLint(run.id, text);
  const editor = useRef<EditorHandle>(null);
  const proposals = useData(
    `proposals ${run.id}`,
    (s) => client.get<List<Proposal>>('/config/proposals', { run: run.id, limit: 50 }, s),
    { everyMs: 4000 },
  );
  const diff = query.get('mode') === 'diff';
  const sheet = query.get('sheet') === 'proposals' ? 'proposals' : 'change';
  const changed = text !== graph.yaml;
  useEffect(() => keepDraft(run.id, changed ? text : undefined), [run.id, text, changed]);
  const ports = useMemo(() => Object.fromEntries(graph.nodes.map((n) => [n.id, n.out.map((p) => p.name)])), [graph]);
  const fixLabel = useCallback((s: string) => t('editor.fix', { text: s }), [t]);
  const errors = lint.diagnostics.filter((d) => d.severity === 'error').length;
  const waiting = proposals.data?.items.filter((p) => p.state === 'proposed').length ?? 0;
  return (
    <div className="editor-view">
      <div className="strip">
        <h1>{t('editor.title')}</h1>
        <Badge tone={changed ? 'info' : 'plain'}>{t(changed ? 'editor.changed' : 'editor.unchanged')}</Badge>
        <button
          type="button"
          className="small"
          aria-pressed={diff}
          onClick={() => setQuery({ mode: diff ? undefined : 'diff' }, { replace: true })}
        >
          {t('editor.diff')}
        </button>
        <button type="button" className="small" disabled={!changed} onClick={() => editor.current?.replace(graph.yaml)}>
          {t('editor.reset')}
        </button>
        <span className="push" />
        <span role="status">
          {lint.busy ? (
            <span className="dim">{t('editor.linting')}</span>
          ) : errors > 0 ? (
            <Badge tone="bad">{t('editor.errors', { n: errors })}</Badge>
          ) : lint.diagnostics.length > 0 ? (
            <Badge tone="warn">{t('editor.warnings', { n: lint.diagnostics.length })}</Badge>
          ) : (
            <Badge tone="good">{t('editor.clean')}</Badge>
          )}
        </span>
      </div>
      <div className="left">
        <CodeEditor
          ref={editor}
          initial={first}
          against={diff ? graph.yaml : null}
          label={t('editor.title')}
          diagnostics={lint.diagnostics}
          schema={schema}
          ports={ports}
          fixLabel={fixLabel}
          onChange={setText}
        />
        {lint.error !== undefined && <ErrorNote error={lint.error} />}
        <Findings
          of={lint.diagnostics}
          onJump={(d) => editor.current?.jump(d.line, d.column)}
          onFix={(d) => editor.current?.fix(d)}
        />
      </div>
      <aside className="right" aria-label={t('editor.changes')}>
        <Tabs
          label={t('editor.changes')}
          tabs={[
            { id: 'change', label: t('editor.changes') },
            { id: 'proposals', label: t('editor.proposals'), count: waiting },
          ]}
          chosen={sheet}
          onChoose={(id) => setQuery({ sheet: id === 'proposals' ? id : undefined }, { replace: true })}
        />
        <div className="body" role="tabpanel" tabIndex={0} aria-label={t('editor.changes')}>
          {sheet === 'change' ? (
            <ChangeSheet
              run={run}
              yaml={text}
              changed={changed}
              errors={errors}
              onProposed={() => {
                proposals.again();
                setQuery({ sheet: 'proposals' });
              }}
            />
          ) : (
            <Proposals of={proposals} onOpen={(p) => editor.current?.replace(p.yaml)} />
          )}
        </div>
      </aside>
    </div>
  );
}

/** Findings of the newest text; those of an older one are not waited for. */
function useLint(run: string, text: string): { diagnostics: readonly Diagnostic[]; busy: boolean; error: unknown } {
  const [state, setState] = useState<{ diagnostics: readonly Diagnostic[]; of: string | null; error: unknown }>({
    diagnostics: [],
    of: null,
    error: undefined,
  });
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      client.post<{ diagnostics: Diagnostic[] }>('/config/lint', { yaml: text, run }, { signal: stop.signal }).then(
        ({ diagnostics }) => setState({ diagnostics, of: text, error: undefined }),
        (error: unknown) => {
          if (!stop.signal.aborted) setState((s) => ({ ...s, of: text, error }));
        },
      );
    }, LINT_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [run, text]);
  return { diagnostics: state.diagnostics, busy: state.of !== text, error: state.error };
}

/** What somebody was writing survives a look at another view. */
const drafts = new Map<string, string>();
const draft = (run: string): string | undefined => drafts.get(run);
function keepDraft(run: string, text: string | undefined): void {
  if (text === undefined) drafts.delete(run);
  else drafts.set(run, text);
}
