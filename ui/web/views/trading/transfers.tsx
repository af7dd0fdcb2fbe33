import { useState } from 'react';
import type { List, Transfer } from '../../../api/contract/answers.ts';
import { client, useMay, useMe } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Dialog, Empty, ErrorNote, Field, Panel, Shown } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';

const WALLETS = ['usdm', 'spot'] as const;

/** Movements of money between wallets: proposed by one person, approved by another. */
export function Transfers({ run }: { run: string }) {
  const t = useText();
  const me = useMe();
  const may = useMay();
  const { zone } = useSettings();
  const list = useData('transfers', (s) => client.get<List<Transfer>>('/transfers', { limit: 50 }, s), {
    everyMs: 5000,
  });
  const command = useCommand();
  const [asking, setAsking] = useState(false);
  const decide = (x: Transfer, how: 'approve' | 'refuse') =>
    command.run(() => client.post(`/transfers/${encodeURIComponent(x.id)}/${how}`, {})).then(list.again);
  return (
    <Panel
      title={t('trading.transfers')}
      flush
      actions={
        may('transfer.propose') && (
          <button type="button" className="small" onClick={() => setAsking(true)}>
            {t('trading.new_transfer')}
          </button>
        )
      }
    >
      {command.error !== undefined && <ErrorNote error={command.error} />}
      <Shown of={list}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{t('trading.no_transfers')}</Empty>
          ) : (
            <table>
              <tbody>
                {items.slice(0, 10).map((x) => (
                  <tr key={x.id}>
                    <th scope="row" className="n">
                      {decimal(x.amount)} {x.asset}
                    </th>
                    <td className="nowrap">
                      {x.from} → {x.to}
                    </td>
                    <td className="dim">
                      {x.by}, {timeMs(x.at_ms, zone)}: {x.reason}
                    </td>
                    <td className="nowrap">
                      {x.state !== 'proposed' ? (
                        <Badge tone={x.state === 'done' ? 'good' : 'warn'}>{word(t, 'proposal', x.state)}</Badge>
                      ) : may('transfer.approve') && x.by !== me?.name ? (
                        <span className="row">
                          <button
                            type="button"
                            className="small"
                            disabled={command.busy}
                            onClick={() => void decide(x, 'approve')}
                          >
                            {t('trading.approve')}
                          </button>
                          <button
                            type="button"
                            className="small"
                            disabled={command.busy}
                            onClick={() => void decide(x, 'refuse')}
                          >
                            {t('trading.refuse')}
                          </button>
                        </span>
                      ) : (
                        <Badge tone="info">{t('trading.transfers_waiting')}</Badge>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Shown>
      {asking && (
        <Propose
          run={run}
          onClose={(sent) => {
            setAsking(false);
            if (sent) list.again();
          }}
        />
      )}
    </Panel>
  );
}

function Propose({ run, onClose }: { run: string; onClose: (sent: boolean) => void }) {
  const t = useText();
  const [from, setFrom] = useState<(typeof WALLETS)[number]>('usdm');
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const command = useCommand();
  const to = from === 'usdm' ? 'spot' : 'usdm';
  const send = () =>
    command
      .run(() => client.post('/treasury/transfer', { run, from, to, asset: 'USDT', amount, reason }))
      .then((ok) => ok && onClose(true));
  return (
    <Dialog title={t('trading.new_transfer')} onClose={() => onClose(false)}>
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault();
          void send();
        }}
      >
        <div className="row">
          <Field label={t('trading.from')}>
            <select value={from} onChange={(e) => setFrom(e.target.value as 'usdm' | 'spot')}>
              {WALLETS.map((w) => (
                <option key={w}>{w}</option>
              ))}
            </select>
          </Field>
          <Field label={t('trading.to')}>
            <input value={to} readOnly />
          </Field>
        </div>
        <Field label={`${t('trading.amount')} (USDT)`}>
          <input
            inputMode="decimal"
            pattern="\d+(\.\d+)?"
            required
            value={amount}
            onChange={(e) => setAmount(e.target.value)}
          />
        </Field>
        <Field label={t('reason')}>
          <input required minLength={3} value={reason} onChange={(e) => setReason(e.target.value)} />
        </Field>
        {command.error !== undefined && <ErrorNote error={command.error} />}
        <div className="row end">
          <button type="submit" className="primary" disabled={command.busy}>
            {t('trading.new_transfer')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
