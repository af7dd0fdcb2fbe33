import { useState } from 'react';
import type { Graph, NodeAt, Run } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useText } from '../../i18n/text.ts';
import { Shown } from '../../parts/parts.tsx';
import { AtCycle } from '../graph/node-values.tsx';

/** What a node held at a cycle. */
export function NodeSheet({
  run,
  graph,
  node,
  cycle,
}: {
  run: Run;
  graph: Graph | undefined;
  node: string;
  cycle: number | null;
}) {
  const t = useText();
  const keys = graph?.nodes.find((n) => n.id === node)?.each == null ? [] : (graph?.keys ?? []);
  const [chosen, setKey] = useState<string>();
  const key = keys.length === 0 ? null : chosen && keys.includes(chosen) ? chosen : keys[0]!;
  const at = useData(`node ${run.id} ${node} ${key} ${cycle}`, (s) =>
    client.get<NodeAt>(`/runs/${encodeURIComponent(run.id)}/nodes/${encodeURIComponent(node)}`, { key, cycle }, s),
  );
  return (
    <>
      <div className="row">
        <h2>{cycle === null ? node : t('time.node_at', { node })}</h2>
        {keys.length > 0 && (
          <select aria-label={t('key')} value={key ?? ''} onChange={(e) => setKey(e.target.value)}>
            {keys.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        )}
      </div>
      <Shown of={at}>{(a) => <AtCycle at={a} />}</Shown>
    </>
  );
}
