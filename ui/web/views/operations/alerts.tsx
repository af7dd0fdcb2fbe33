import { useEffect } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { Alert, Level } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useRun } from '../../app/runs.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { live } from '../../live/live.ts';
import { Badge, ErrorNote, Panel, Shown, type Tone } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useCommand } from '../../parts/use-command.ts';

const TONE: Readonly<Record<Level, Tone>> = { INFO: 'info', WARN: 'warn', ERROR: 'alarm', FATAL: 'bad' };

export function Alerts() {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const run = useRun();
  const list = useData('alerts', (s) => client.get<List<Alert>>('/alerts', { limit: 200 }, s), { everyMs: 5000 });
  const { again } = list;
  const id = run?.id;
  useEffect(() => {
    if (id === undefined) return;
    const ends = [live.watch(id, 'alerts'), live.on('alert', again)];
    return () => {
      for (const end of ends) end();
    };
  }, [id, again]);
  const command = useCommand();
  const acknowledge = (a: Alert) =>
    command.run(() => client.post(`/alerts/${encodeURIComponent(a.id)}/acknowledge`)).then(again);
  const columns: readonly Column<Alert>[] = [
    { head: t('alerts.level'), cell: (a) => <Badge tone={TONE[a.level]}>{a.level}</Badge> },
    { head: t('name'), names: true, cell: (a) => a.name },
    {
      head: t('state'),
      look: 'nowrap',
      cell: (a) => (
        <>
          <Badge tone={a.state === 'firing' ? 'bad' : a.state === 'resolved' ? 'good' : 'info'}>
            {word(t, 'alert', a.state)}
          </Badge>
          {a.acknowledged_by && <span className="dim"> {t('alerts.by', { name: a.acknowledged_by })}</span>}
        </>
      ),
    },
    { head: t('alerts.since'), look: 'nowrap', cell: (a) => timeMs(a.since_ms, zone, { date: true }) },
    { head: t('alerts.cause'), look: 'wide', cell: (a) => a.cause },
    { head: t('alerts.what_to_do'), look: 'wide', cell: (a) => a.what_to_do },
    {
      head: t('actions'),
      cell: (a) =>
        a.state === 'firing' &&
        may('alerts.acknowledge') && (
          <button type="button" className="small" disabled={command.busy} onClick={() => void acknowledge(a)}>
            {t('alerts.acknowledge')}
          </button>
        ),
    },
  ];
  return (
    <Panel title={t('tab.alerts')} flush>
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={list}>
        {({ items }) => <Table rows={items} columns={columns} keyOf={(a) => a.id} none={t('alerts.none')} />}
      </Shown>
    </Panel>
  );
}
