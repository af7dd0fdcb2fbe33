import type { List } from '../../../api/contract/answers.ts';
import type { Stream } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { number } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, Panel, Shown } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';

/** Entries a reader may be behind before it is shown as a concern. */
const BEHIND = 1000;

export function Streams({ run }: { run: string }) {
  const t = useText();
  const list = useData(`streams ${run}`, (s) => client.get<List<Stream>>('/streams', { run }, s), { everyMs: 2000 });
  const columns: readonly Column<Stream>[] = [
    { head: t('name'), names: true, look: 'mono', cell: (s) => s.name },
    { head: t('streams.length'), look: 'n', cell: (s) => number(s.length) },
    { head: t('streams.last'), look: 'mono', cell: (s) => s.last_id },
    {
      head: t('streams.readers'),
      cell: (s) => (
        <span className="row">
          {s.readers.map((r) => (
            <Badge key={r.part} tone={r.lag > BEHIND ? 'warn' : 'plain'}>
              {r.part}: {number(r.lag)}
            </Badge>
          ))}
        </span>
      ),
    },
  ];
  return (
    <Panel title={t('tab.streams')} flush>
      <Shown of={list}>
        {({ items }) => <Table rows={items} columns={columns} keyOf={(s) => s.name} none={t('streams.none')} />}
      </Shown>
    </Panel>
  );
}
