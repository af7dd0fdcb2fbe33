import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Moment, Run } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery, usePlace } from '../../app/router.ts';
import { value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Empty, ErrorNote, Note, Shown, Tabs } from '../../parts/parts.tsx';
import { Canvas } from '../graph/canvas.tsx';
import { useGraph } from '../graph/graph-view.tsx';
import { CycleSheet } from './cycle-sheet.tsx';
import { DecisionList } from './decision-list.tsx';
import { MomentBar } from './moment-bar.tsx';
import { NodeSheet } from './node-sheet.tsx';
import { OrderList } from './order-list.tsx';
import { OrderSheet } from './order-sheet.tsx';
import { WhySheet } from './why-sheet.tsx';
import './time.css';

const SHEETS = ['cycle', 'node', 'why', 'order'] as const;

/**
 * A run at one of its cycles. Cycle, node, decision and order stand in the address: a link shows the same moment to somebody
 * else.
 */
export default function TimeView({ run }: { run: Run }) {
  const t = useText();
  const may = useMay();
  const { query } = usePlace();
  const graph = useGraph(run);
  const cycle = query.get('cycle');
  const at = query.get('at');
  const node = query.get('node');
  const why = query.get('why');
  const order = query.get('order');
  const [list, setList] = useState<'decisions' | 'orders'>(order !== null ? 'orders' : 'decisions');
  const sheet =
    SHEETS.find((s) => s === query.get('sheet')) ??
    (why !== null ? 'why' : order !== null ? 'order' : node !== null ? 'node' : 'cycle');
  const asked = cycle !== null || at !== null;
  const base = `/runs/${encodeURIComponent(run.id)}`;
  const moment = useData(may('research') && asked ? `moment ${run.id} ${cycle} ${at}` : null, (s) =>
    client.get<Moment>(`${base}/moments`, cycle !== null ? { cycle } : { at_us: at }, s),
  );
  const [stepping, setStepping] = useState<unknown>();
  const known = moment.data;

  const step = useCallback(
    async (by: -1 | 1) => {
      setStepping(undefined);
      try {
        const from = known?.cycle ?? cycle;
        if (from === null || from === undefined) return;
        const next = await client.get<Moment>(`${base}/moments`, { cycle: from, step: by });
        setQuery(
          { cycle: String(next.cycle), at: undefined, sheet: undefined, why: undefined, order: undefined },
          { replace: true },
        );
      } catch (e) {
        setStepping(e);
      }
    },
    [base, known, cycle],
  );
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const target = e.composedPath()[0];
      if (target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
      if (e.key === '[') void step(-1);
      if (e.key === ']') void step(1);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [step]);

  const held = useMemo(() => {
    const ran = new Map<string, { order: number | null; text: string }>();
    known?.ran.forEach((r, i) => {
      const rows = Object.values(r.out).flat();
      const last = rows.at(-1);
      const text = last
        ? Object.entries(last.values)
            .map(([k, v]) => `${k} ${value(v)}`)
            .join(' ')
        : '';
      ran.set(r.node, { order: ran.get(r.node)?.order ?? i + 1, text });
    });
    return ran;
  }, [known]);

  if (!may('research'))
    return (
      <div className="page narrow">
        <Note tone="plain">{t('may_not', { permission: 'research' })}</Note>
      </div>
    );
  return (
    <div className="time-view">
      <h1 className="hidden">{t('time.title')}</h1>
      <MomentBar run={run} moment={known} loading={moment.loading} onStep={(by) => void step(by)} />
      <aside className="time-list" aria-label={t('time.decisions')}>
        <Tabs
          label={t('time.decisions')}
          tabs={[
            { id: 'decisions', label: t('time.decisions') },
            { id: 'orders', label: t('time.orders') },
          ]}
          chosen={list}
          onChoose={setList}
        />
        {list === 'decisions' ? <DecisionList run={run} chosen={why} /> : <OrderList run={run} chosen={order} />}
      </aside>
      <Shown of={graph}>
        {(g) => (
          <Canvas
            graph={g}
            stats={null}
            chosen={node}
            onChoose={(id) => setQuery({ node: id ?? undefined, sheet: id ? 'node' : undefined }, { replace: true })}
            moment={held}
          />
        )}
      </Shown>
      <aside className="node-panel" aria-label={t('time.title')}>
        <Tabs
          label={t('time.title')}
          tabs={[
            { id: 'cycle', label: t('time.cycle') },
            { id: 'node', label: t('node') },
            { id: 'why', label: t('why.title') },
            { id: 'order', label: t('lineage.title') },
          ]}
          chosen={sheet}
          onChoose={(id) => setQuery({ sheet: id }, { replace: true })}
        />
        <div className="body" role="tabpanel" tabIndex={0} aria-label={t('time.title')}>
          {stepping !== undefined && <ErrorNote error={stepping} />}
          {sheet === 'cycle' &&
            (asked ? <Shown of={moment}>{(m) => <CycleSheet moment={m} />}</Shown> : <Empty>{t('time.pick')}</Empty>)}
          {sheet === 'node' &&
            (node === null ? (
              <Empty>{t('time.select_node')}</Empty>
            ) : (
              <NodeSheet
                run={run}
                graph={graph.data}
                node={node}
                cycle={known?.cycle ?? (cycle === null ? null : Number(cycle))}
              />
            ))}
          {sheet === 'why' && <WhySheet run={run} cycle={why} nodeKey={query.get('key')} />}
          {sheet === 'order' && <OrderSheet run={run} order={order} />}
        </div>
      </aside>
    </div>
  );
}
