import { useState } from 'react';
import type { List } from '../../../api/contract/answers.ts';
import type { AuditEntry } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Json } from '../../parts/json.tsx';
import { Badge, Dialog, ErrorNote, Note, Panel, Shown } from '../../parts/parts.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useCommand } from '../../parts/use-command.ts';

interface Verified {
  readonly ok: boolean;
  readonly entries: number;
  readonly broken_at: number | null;
}
const PAGE = 100;

export default function Audit() {
  const t = useText();
  const { zone } = useSettings();
  const [before, setBefore] = useState<number>();
  const list = useData(`audit ${before}`, (s) => client.get<List<AuditEntry>>('/audit', { limit: PAGE, before }, s));
  const [verified, setVerified] = useState<Verified>();
  const [look, setLook] = useState<AuditEntry>();
  const command = useCommand();
  const verify = () => command.run(async () => setVerified(await client.get<Verified>('/audit/verify')));
  const columns: readonly Column<AuditEntry>[] = [
    { head: '#', look: 'n', cell: (e) => e.n },
    { head: t('time'), look: 'nowrap', cell: (e) => timeMs(e.at_ms, zone, { date: true, ms: true }) },
    { head: t('audit.who'), names: true, cell: (e) => e.who },
    {
      head: t('audit.what'),
      look: 'wide',
      cell: (e) => (
        <>
          {e.what} <span className="dim mono">{e.route}</span>
        </>
      ),
    },
    {
      head: t('audit.outcome'),
      cell: (e) => <Badge tone={e.outcome < 300 ? 'good' : e.outcome < 500 ? 'warn' : 'bad'}>{e.outcome}</Badge>,
    },
    { head: t('audit.hash'), look: 'mono dim', cell: (e) => e.hash.slice(0, 12) },
    {
      head: t('operations.details'),
      cell: (e) => (
        <button type="button" className="small" onClick={() => setLook(e)}>
          {t('dead.look')}
        </button>
      ),
    },
  ];
  return (
    <div className="stack">
      {verified && (
        <Note tone={verified.ok ? 'good' : 'bad'} role="status">
          {verified.ok ? t('audit.ok', { n: verified.entries }) : t('audit.broken', { n: verified.broken_at ?? '?' })}
        </Note>
      )}
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Panel
        title={t('tab.audit')}
        flush
        actions={
          <>
            <button
              type="button"
              className="small"
              onClick={() => (before === undefined ? list.again() : setBefore(undefined))}
            >
              {t('time.newest')}
            </button>
            <button type="button" className="small" disabled={command.busy} onClick={() => void verify()}>
              {t('audit.verify')}
            </button>
          </>
        }
      >
        <Shown of={list}>
          {({ items, next }) => (
            <>
              <Table rows={items} columns={columns} keyOf={(e) => e.n} none={t('audit.none')} />
              {next !== null && (
                <p className="empty">
                  <button type="button" className="small" onClick={() => setBefore(Number(next))}>
                    {t('time.older')}
                  </button>
                </p>
              )}
            </>
          )}
        </Shown>
      </Panel>
      {look && (
        <Dialog title={`#${look.n} · ${look.who}`} onClose={() => setLook(undefined)}>
          <dl className="facts">
            <dt>{t('audit.what')}</dt>
            <dd>{look.what}</dd>
            <dt>Route</dt>
            <dd className="mono">{look.route}</dd>
            <dt>Correlation</dt>
            <dd className="mono">{look.correlation_id}</dd>
            <dt>{t('audit.hash')}</dt>
            <dd className="mono">{look.hash}</dd>
          </dl>
          <h3>{t('audit.before')}</h3>
          <Json of={look.before} open={3} />
          <h3>{t('audit.after')}</h3>
          <Json of={look.after} open={3} />
        </Dialog>
      )}
    </div>
  );
}
