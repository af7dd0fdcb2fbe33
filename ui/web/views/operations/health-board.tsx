import type { Health, ServiceHealth, SystemHealth } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Note, Panel, Shown, type Tone } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';

const TONE: Readonly<Record<Health, Tone>> = { OK: 'good', DEGRADED: 'warn', ERROR: 'bad' };

export function HealthBoard() {
  const t = useText();
  const health = useData('system', (s) => client.get<SystemHealth>('/system', undefined, s), { everyMs: 3000 });
  const columns: readonly Column<ServiceHealth>[] = [
    { head: t('health.service'), names: true, look: 'mono', cell: (s) => s.service },
    { head: t('name'), cell: (s) => s.name },
    { head: t('state'), cell: (s) => <Badge tone={TONE[s.status]}>{word(t, 'health', s.status)}</Badge> },
    {
      head: t('health.ready'),
      cell: (s) => (s.ready ? t('yes') : <Badge tone="warn">{t('health.not_ready')}</Badge>),
    },
    {
      head: t('health.checks'),
      cell: (s) => (
        <ul className="checks">
          {Object.entries(s.checks).map(([name, c]) => (
            <li key={name}>
              <Badge tone={TONE[c.status]}>{name}</Badge> <span className="dim">{c.detail}</span>
            </li>
          ))}
        </ul>
      ),
    },
    { head: t('health.version'), look: 'dim', cell: (s) => s.version },
  ];
  return (
    <Shown of={health}>
      {(h) => (
        <div className="stack">
          <Note tone={h.status === 'GREEN' ? 'good' : h.status === 'RED' ? 'bad' : 'warn'}>
            <b>{word(t, 'system', h.status)}</b>
          </Note>
          <Panel title={t('tab.health')} flush>
            <Table rows={h.services} columns={columns} keyOf={(s) => s.service} />
          </Panel>
        </div>
      )}
    </Shown>
  );
}
