import type { Run } from '../../../api/contract/records.ts';
import { setQuery } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, timeUs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { useTrading } from '../../live/live.ts';
import { Badge, Empty, ErrorNote, Loading } from '../../parts/parts.tsx';
import { Side } from '../runs/report-view.tsx';

export function OrderList({ run, chosen }: { run: Run; chosen: string | null }) {
  const t = useText();
  const { zone } = useSettings();
  const { trading, error } = useTrading(run.id);
  if (trading === null) return error === null ? <Loading /> : <ErrorNote error={error} />;
  const orders = [...trading.orders].sort((a, b) => b.created_us - a.created_us);
  if (orders.length === 0) return <Empty>{t('trading.no_orders')}</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t('time.orders')}>
      <ul className="picks">
        {orders.map((o) => (
          <li key={o.client_id}>
            <button
              type="button"
              aria-pressed={chosen === o.client_id}
              onClick={() =>
                setQuery({
                  order: o.client_id,
                  at: String(o.created_us),
                  cycle: undefined,
                  why: undefined,
                  sheet: 'order',
                })
              }
            >
              <span className="row">
                <span className="mono">{timeUs(o.created_us, zone)}</span>
                <Side side={o.side} /> {Number(o.qty) === 0 ? t('order.whole') : decimal(o.qty)}{' '}
                <span className="dim">{o.instrument}</span>
                <Badge>{word(t, 'order', o.status)}</Badge>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
