import { useState } from 'react';
import type { Graph, GraphNode, Lineage, NodeAt, Run } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { setQuery } from '../../app/router.ts';
import { useText } from '../../i18n/text.ts';
import { ErrorNote } from '../../parts/parts.tsx';
import { LineageTree } from './lineage-tree.tsx';
import { reach } from './model.ts';

/** The way to and from a node: nodes of the graph, and the events behind its last value. */
export function NodeLineage({
  run,
  graph,
  node,
  nodeKey,
}: {
  run: Run;
  graph: Graph;
  node: GraphNode;
  nodeKey: string | null;
}) {
  const t = useText();
  const [traced, setTraced] = useState<Lineage | null>();
  const [error, setError] = useState<unknown>();
  const base = `/runs/${encodeURIComponent(run.id)}`;
  const trace = async () => {
    setError(undefined);
    try {
      const at = await client.get<NodeAt>(`${base}/nodes/${encodeURIComponent(node.id)}`, { key: nodeKey });
      const row = Object.values(at.last).find((r) => r !== null);
      setTraced(
        row ? await client.get<Lineage>(`${base}/lineage`, { node: node.id, seq: row.seq, direction: 'up' }) : null,
      );
    } catch (e) {
      setError(e);
    }
  };
  return (
    <>
      <h3>{t('panel.upstream')}</h3>
      <Chips ids={reach(graph, node.id, 'up')} none={t('none')} />
      <h3>{t('panel.downstream')}</h3>
      <Chips ids={reach(graph, node.id, 'down')} none={t('none')} />
      <h3>{t('panel.events')}</h3>
      <button type="button" className="small" onClick={() => void trace()}>
        {t('panel.trace')}
      </button>
      {error !== undefined && <ErrorNote error={error} />}
      {traced === null && <p className="dim">{t('panel.trace_none')}</p>}
      {traced && <LineageTree run={run.id} root={traced} />}
    </>
  );
}

const Chips = ({ ids, none }: { ids: readonly string[]; none: string }) =>
  ids.length === 0 ? (
    <p className="dim">{none}</p>
  ) : (
    <div className="chips">
      {ids.map((id) => (
        <button key={id} type="button" onClick={() => setQuery({ node: id })}>
          {id}
        </button>
      ))}
    </div>
  );
