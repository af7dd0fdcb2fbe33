import { useState } from 'react';
import type { AuditEntry } from '../../../api/contract/records.ts';
import type { List } from '../../api/answers.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { timeMs } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Json } from '../../parts/json.tsx';
import { Badge, Dialog, Empty, ErrorNote, Note, Panel, Shown } from '../../parts/parts.tsx';
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
          {({ items, next }) =>
            items.length === 0 ? (
              <Empty>{t('audit.none')}</Empty>
            ) : (
              <>
                <table>
                  <thead>
                    <tr>
                      <th scope="col" className="n">
                        #
                      </th>
                      <th scope="col">{t('time')}</th>
                      <th scope="col">{t('audit.who')}</th>
                      <th scope="col">{t('audit.what')}</th>
                      <th scope="col">{t('audit.outcome')}</th>
                      <th scope="col">{t('audit.hash')}</th>
                      <th scope="col">{t('operations.details')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((e) => (
                      <tr key={e.n}>
                        <td className="n">{e.n}</td>
                        <td className="nowrap">{timeMs(e.at_ms, zone, { date: true, ms: true })}</td>
                        <th scope="row">{e.who}</th>
                        <td className="wide">
                          {e.what} <span className="dim mono">{e.route}</span>
                        </td>
                        <td>
                          <Badge tone={e.outcome < 300 ? 'good' : e.outcome < 500 ? 'warn' : 'bad'}>{e.outcome}</Badge>
                        </td>
                        <td className="mono dim">{e.hash.slice(0, 12)}</td>
                        <td>
                          <button type="button" className="small" onClick={() => setLook(e)}>
                            {t('dead.look')}
                          </button>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                {next !== null && (
                  <p className="empty">
                    <button type="button" className="small" onClick={() => setBefore(Number(next))}>
                      {t('time.older')}
                    </button>
                  </p>
                )}
              </>
            )
          }
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
