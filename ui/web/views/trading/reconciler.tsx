import type { Trading } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, number, timeUs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Empty, ErrorNote, Panel } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';

export function Reconciler({ run, of }: { run: string; of: Trading['reconciler'] }) {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const command = useCommand();
  const agrees = of.differences === 0;
  return (
    <Panel
      title={t('trading.reconciler')}
      actions={
        may('reconcile') && (
          <button
            type="button"
            className="small"
            disabled={command.busy}
            onClick={() => void command.run(() => client.post('/reconcile', {}, { query: { run } }))}
          >
            {t('trading.reconcile')}
          </button>
        )
      }
    >
      <dl className="facts">
        <dt>{t('state')}</dt>
        <dd>
          <Badge tone={of.checked_us === null ? 'plain' : agrees ? 'good' : 'warn'}>
            {word(t, 'reconcile', of.state)}
          </Badge>
        </dd>
        <dt>{t('trading.checked')}</dt>
        <dd>{timeUs(of.checked_us, zone, { date: true })}</dd>
        <dt>{t('trading.jaccard')}</dt>
        <dd>{number(of.jaccard, 4)}</dd>
        <dt>{t('trading.differences')}</dt>
        <dd className={agrees ? '' : 'warn'}>{number(of.differences)}</dd>
      </dl>
      {command.error !== undefined && <ErrorNote error={command.error} />}
    </Panel>
  );
}

export function Wallets({ wallets }: { wallets: Trading['wallets'] }) {
  const t = useText();
  return (
    <Panel title={t('trading.wallets')} flush>
      {wallets.length === 0 ? (
        <Empty>{t('empty')}</Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('trading.wallet')}</th>
              <th scope="col" className="n">
                {t('trading.balance')}
              </th>
              <th scope="col" className="n">
                {t('trading.available')}
              </th>
              <th scope="col">{t('trading.asset')}</th>
            </tr>
          </thead>
          <tbody>
            {wallets.map((w) => (
              <tr key={`${w.wallet} ${w.asset}`}>
                <th scope="row">{w.wallet}</th>
                <td className="n">{decimal(w.balance, { digits: 4 })}</td>
                <td className="n">{decimal(w.available, { digits: 4 })}</td>
                <td>{w.asset}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
