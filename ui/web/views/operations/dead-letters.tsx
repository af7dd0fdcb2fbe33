import { useState } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { DeadLetter } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeUs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Json } from '../../parts/json.tsx';
import { Badge, Dialog, ErrorNote, Panel, Shown } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useCommand } from '../../parts/use-command.ts';

export function DeadLetters({ run }: { run: string }) {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const list = useData(`dead ${run}`, (s) => client.get<List<DeadLetter>>('/dead-letters', { run, limit: 200 }, s), {
    everyMs: 5000,
  });
  const [look, setLook] = useState<DeadLetter>();
  const [replayed, setReplayed] = useState<ReadonlySet<string>>(new Set());
  const command = useCommand();
  const replay = async (d: DeadLetter) => {
    const done = await command.run(() =>
      client.post(`/dead-letters/${encodeURIComponent(d.id)}/replay`, {}, { query: { run } }),
    );
    if (done) setReplayed((r) => new Set(r).add(d.id));
    list.again();
  };
  const columns: readonly Column<DeadLetter>[] = [
    { head: t('time'), look: 'nowrap', cell: (d) => timeUs(d.at_us, zone, { date: true }) },
    { head: t('node'), names: true, cell: (d) => d.node },
    { head: t('dead.source'), cell: (d) => d.source },
    { head: 'seq', look: 'n', cell: (d) => d.seq },
    { head: t('dead.code'), look: 'mono', cell: (d) => d.code },
    { head: t('reason'), look: 'wide', cell: (d) => d.reason },
    {
      head: t('actions'),
      look: 'nowrap',
      cell: (d) => (
        <>
          <button type="button" className="small" onClick={() => setLook(d)}>
            {t('dead.look')}
          </button>{' '}
          {replayed.has(d.id) ? (
            <Badge tone="good">{t('dead.replayed')}</Badge>
          ) : (
            may('dead_letters.replay') && (
              <button type="button" className="small" disabled={command.busy} onClick={() => void replay(d)}>
                {t('dead.replay')}
              </button>
            )
          )}
        </>
      ),
    },
  ];
  return (
    <Panel title={t('tab.dead-letters')} flush>
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={list}>
        {({ items }) => <Table rows={items} columns={columns} keyOf={(d) => d.id} none={t('dead.none')} />}
      </Shown>
      {look && (
        <Dialog title={`${look.node} · ${look.code}`} onClose={() => setLook(undefined)}>
          <p>{look.reason}</p>
          <Json of={look.values} open={3} />
        </Dialog>
      )}
    </Panel>
  );
}
