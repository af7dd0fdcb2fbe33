import { useEffect, useState } from 'react';
import type { Graph, GraphNode, NodeAt, NodeStats, Run } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { duration, number, percent, rate, timeUs, value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { stats } from '../../live/live.ts';
import { Json } from '../../parts/json.tsx';
import { Note, Shown } from '../../parts/parts.tsx';
import { linkStats, linksOf } from './model.ts';

/** What the node does now: its statistics, last values and state, and what flows on its edges. */
export function NodeValues(props: { run: Run; graph: Graph; node: GraphNode; nodeKey: string | null }) {
  const { run, node, nodeKey } = props;
  const t = useText();
  const may = useMay();
  const at = useData(
    may('research') ? `node ${run.id} ${node.id} ${nodeKey}` : null,
    (s) =>
      client.get<NodeAt>(
        `/runs/${encodeURIComponent(run.id)}/nodes/${encodeURIComponent(node.id)}`,
        { key: nodeKey },
        s,
      ),
    run.state === 'running' ? { everyMs: 1000 } : {},
  );
  return (
    <>
      <NodeNumbers run={run.id} node={node.id} />
      {may('research') ? (
        <Shown of={at}>{(a) => <AtCycle at={a} />}</Shown>
      ) : (
        <Note tone="plain">{t('may_not', { permission: 'research' })}</Note>
      )}
      <h3>{t('panel.lines')}</h3>
      <EdgeTable run={run.id} graph={props.graph} node={node.id} />
    </>
  );
}

export function AtCycle({ at }: { at: NodeAt }) {
  const t = useText();
  const { zone } = useSettings();
  const ports = Object.entries(at.last);
  const nothing = ports.every(([, row]) => row === null);
  return (
    <>
      <p className="dim">
        {t('panel.at_cycle', { cycle: number(at.cycle), time: timeUs(at.at_us, zone, { date: true, us: true }) })}
      </p>
      <h3>{t('panel.last')}</h3>
      {nothing && <p className="dim">{t('panel.no_values')}</p>}
      {ports.map(
        ([port, row]) =>
          row && (
            <table key={port} aria-label={port}>
              <thead>
                <tr>
                  <th scope="col" className="mono">
                    {port}
                  </th>
                  <th scope="col" className="n">
                    {timeUs(row.at_us, zone)} · {row.source} {row.seq}
                  </th>
                </tr>
              </thead>
              <tbody>
                {Object.entries(row.values).map(([f, v]) => (
                  <tr key={f}>
                    <td className="mono">{f}</td>
                    <td className="n mono wide">{value(v, f, zone)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ),
      )}
      <h3>{t('panel.state')}</h3>
      {at.state === null || at.state === undefined ? (
        <p className="dim">{t('panel.no_state')}</p>
      ) : (
        <Json of={at.state} />
      )}
    </>
  );
}

function NodeNumbers({ run, node }: { run: string; node: string }) {
  const t = useText();
  const [s, setS] = useState<NodeStats | undefined>(stats.of(run).get()?.nodes[node]);
  useEffect(() => stats.of(run).subscribe(() => setS(stats.of(run).get()?.nodes[node])), [run, node]);
  if (!s) return null;
  return (
    <dl className="facts">
      <dt>{t('graph.rate')}</dt>
      <dd>
        {rate(s.rate)} · {number(s.cycles)} {t('graph.cycles')}
      </dd>
      <dt>{t('graph.step')}</dt>
      <dd>{duration(s.step_us)}</dd>
      <dt>{t('graph.lag')}</dt>
      <dd>{duration(s.lag_us)}</dd>
      <dt>{t('graph.instances')}</dt>
      <dd>
        {number(s.instances)}
        {s.warming > 0 && ` · ${t('graph.warming')}: ${s.warming}`}
      </dd>
      <dt>{t('graph.errors')}</dt>
      <dd className={s.errors > 0 ? 'bad' : ''}>{number(s.errors)}</dd>
    </dl>
  );
}

function EdgeTable({ run, graph, node }: { run: string; graph: Graph; node: string }) {
  const t = useText();
  const [now, setNow] = useState(stats.of(run).get());
  useEffect(() => stats.of(run).subscribe(() => setNow(stats.of(run).get())), [run]);
  const links = linksOf(graph).filter((l) => l.from === node || l.to === node);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t('graph.edge')}</th>
          <th scope="col" className="n">
            {t('graph.rate')}
          </th>
          <th scope="col" className="n">
            p99
          </th>
          <th scope="col" className="n">
            {t('graph.queue')}
          </th>
          <th scope="col" className="n">
            {t('graph.pressure')}
          </th>
        </tr>
      </thead>
      <tbody>
        {links.map((l) => {
          const s = linkStats(l, now);
          const other = l.from === node ? l.to : l.from;
          return (
            <tr key={l.id}>
              <td>
                <button type="button" className="quiet small" onClick={() => setQuery({ node: other })}>
                  {l.from === node ? '→' : '←'} {other}
                </button>
              </td>
              <td className="n">{rate(s?.rate)}</td>
              <td className="n">{duration(s?.handover_p99_us)}</td>
              <td className="n">{number(s?.queue)}</td>
              <td className="n">{percent(s?.pressure, 0)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
