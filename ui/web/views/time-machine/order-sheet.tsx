import type { Lineage, Run } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useText } from '../../i18n/text.ts';
import { Empty, Shown } from '../../parts/parts.tsx';
import { LineageTree } from '../graph/lineage-tree.tsx';

/** From an order back to the frames that caused it. */
export function OrderSheet({ run, order }: { run: Run; order: string | null }) {
  const t = useText();
  const lineage = useData(order === null ? null : `lineage ${run.id} ${order}`, (s) =>
    client.get<Lineage>(`/runs/${encodeURIComponent(run.id)}/lineage`, { order, direction: 'up' }, s),
  );
  if (order === null) return <Empty>{t('time.pick')}</Empty>;
  return (
    <>
      <h2>{t('lineage.of_order', { id: order })}</h2>
      <Shown of={lineage}>{(l) => <LineageTree run={run.id} root={l} />}</Shown>
    </>
  );
}
