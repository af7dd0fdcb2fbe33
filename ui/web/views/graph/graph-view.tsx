import { useEffect, useMemo, useState } from 'react';
import type { Graph, Run, Stats, Trading } from '../../../api/contract/records.ts';
import { getOrTake } from '../../api/ahead.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { graphPath, setQuery, usePlace } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { bytes, number, percent, rate, timeUs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { live, stats, useStats } from '../../live/live.ts';
import { useStore } from '../../live/store.ts';
import { Badge, Shown } from '../../parts/parts.tsx';
import { Canvas } from './canvas.tsx';
import { matches } from './model.ts';
import { NodePanel } from './node-panel.tsx';

/** The graph of a run as last read, and anew when the run has been changed to another one. */
export function useGraph(run: Run) {
  const [told, setTold] = useState('');
  useEffect(() => live.on('graph', (m) => m.run === run.id && setTold(m.hash)), [run.id]);
  return useData(`graph ${run.id} ${run.graph_hash} ${told}`, (signal) => getOrTake<Graph>(graphPath(run.id), signal));
}

/** Instruments of the run, where its graph does not say them: those of its account. */
function useKeys(run: Run, graph: Graph | undefined): readonly string[] {
  const asked = graph !== undefined && graph.keys === undefined && run.state === 'running';
  const trading = useData(asked ? `keys ${run.id}` : null, (s) =>
    client.get<Trading>(`/runs/${encodeURIComponent(run.id)}/trading`, undefined, s),
  );
  const found = trading.data;
  return useMemo(
    () =>
      graph?.keys ??
      [...new Set([...(found?.positions ?? []), ...(found?.orders ?? [])].map((x) => x.instrument))].sort(),
    [graph, found],
  );
}

export default function GraphView({ run }: { run: Run }) {
  const t = useText();
  const graph = useGraph(run);
  const keys = useKeys(run, graph.data);
  const { query } = usePlace();
  const chosen = query.get('node');
  const [search, setSearch] = useState('');
  const [critical, setCritical] = useState(true);
  const [feedback, setFeedback] = useState(true);
  useEffect(() => live.watch(run.id, 'stats', 250), [run.id]);
  useEffect(() => {
    const leave = (e: KeyboardEvent) => {
      if (e.key === 'Escape' && !e.defaultPrevented && !document.querySelector('dialog[open]'))
        setQuery({ node: undefined });
    };
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, []);
  const found = useMemo(
    () =>
      search.trim() === '' || !graph.data
        ? null
        : new Set(graph.data.nodes.filter((n) => matches(n, search)).map((n) => n.id)),
    [search, graph.data],
  );
  const node = graph.data?.nodes.find((n) => n.id === chosen);
  const first = found?.values().next().value;
  return (
    <div className="graph-view">
      <div className="strip">
        <h1 className="hidden">{t('graph.title')}</h1>
        <search className="finder">
          <input
            type="search"
            data-search
            aria-label={t('graph.search')}
            placeholder={t('graph.search_placeholder')}
            value={search}
            onChange={(e) => setSearch(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === 'Enter' && first) setQuery({ node: first });
              if (e.key === 'Escape') {
                e.preventDefault();
                setSearch('');
                e.currentTarget.blur();
              }
            }}
          />
        </search>
        <span className="dim" role="status">
          {found && (found.size === 0 ? t('graph.no_match') : t('graph.matches', { n: found.size }))}
        </span>
        <button type="button" className="small" aria-pressed={critical} onClick={() => setCritical(!critical)}>
          {t('graph.critical')}
        </button>
        <button type="button" className="small" aria-pressed={feedback} onClick={() => setFeedback(!feedback)}>
          {t('graph.feedback')}
        </button>
        <span className="push" />
        <Vitals run={run} />
      </div>
      <Shown of={graph}>
        {(g) => (
          <>
            <Canvas
              graph={g}
              stats={stats.of(run.id)}
              chosen={chosen}
              onChoose={(id) => setQuery({ node: id ?? undefined }, { replace: chosen !== null })}
              keys={keys}
              found={found}
              showCritical={critical}
              showFeedback={feedback}
            />
            {node && <NodePanel key={node.id} run={run} graph={g} node={node} keys={keys} />}
          </>
        )}
      </Shown>
    </div>
  );
}

/** How the run as a whole is doing. */
function Vitals({ run }: { run: Run }) {
  const t = useText();
  const { zone } = useSettings();
  const s: Stats | null = useStats(run.id);
  const connection = useStore(live.connection);
  if (!s) return <Badge>{word(t, 'state', run.state)}</Badge>;
  const stale = connection.state !== 'open';
  const vital = (label: string, value: string, tone = '') => (
    <span className="vital">
      <span className="dim">{label}</span>
      <b className={tone}>{value}</b>
    </span>
  );
  const lost = s.counters.dead_lettered + s.counters.dropped;
  return (
    <>
      {stale && <Badge tone="warn">{t('connection.stale', { time: timeUs(s.wall_ms * 1000, zone) })}</Badge>}
      <Badge tone={s.state === 'failed' ? 'bad' : s.state === 'running' ? 'good' : 'plain'}>
        {word(t, 'state', s.state)}
      </Badge>
      {vital(t('graph.engine_time'), timeUs(s.at_us, zone))}
      {vital(t('graph.events'), `${number(s.events)} (${rate(s.events_s)})`)}
      {vital(t('graph.cpu'), percent(s.cpu, 0))}
      {vital(t('graph.memory'), bytes(s.rss_bytes))}
      {vital(t('graph.late'), number(s.counters.late), s.counters.late > 0 ? 'warn' : '')}
      {vital(t('graph.dead_lettered'), number(lost), lost > 0 ? 'bad' : '')}
    </>
  );
}
