import type { List } from '../../../api/contract/answers.ts';
import type { Checkpoint } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { bytes, number, timeMs, timeUs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Panel, Shown } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';

export function Checkpoints({ run }: { run: string }) {
  const t = useText();
  const { zone } = useSettings();
  const list = useData(`checkpoints ${run}`, (s) => client.get<List<Checkpoint>>('/checkpoints', { run }, s), {
    everyMs: 5000,
  });
  const columns: readonly Column<Checkpoint>[] = [
    { head: t('checkpoints.epoch'), names: true, look: 'n', cell: (c) => number(c.id) },
    { head: t('graph.engine_time'), cell: (c) => timeUs(c.at_us, zone, { date: true }) },
    { head: t('checkpoints.bytes'), look: 'n', cell: (c) => bytes(c.bytes) },
    { head: t('checkpoints.wall'), cell: (c) => timeMs(c.wall_ms, zone, { date: true }) },
  ];
  return (
    <Panel title={t('tab.checkpoints')} flush>
      <Shown of={list}>
        {({ items }) => <Table rows={items} columns={columns} keyOf={(c) => c.id} none={t('checkpoints.none')} />}
      </Shown>
    </Panel>
  );
}
