import { useState } from 'react';
import type { Order, Run } from '../../../api/contract/records.ts';
import { client, useMay } from '../../api/session.ts';
import { follow, runPath } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, timeUs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Empty, ErrorNote, Panel, Tabs } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';
import { Side } from '../runs/report-view.tsx';
import { isOpen, isUnknown } from './trading-view.tsx';

const MOST = 200;

export function Orders({ run, orders }: { run: Run; orders: readonly Order[] }) {
  const t = useText();
  const { zone } = useSettings();
  const may = useMay();
  const [tab, setTab] = useState<'open' | 'done'>('open');
  const command = useCommand();
  const open = orders.filter(isOpen);
  const done = orders.filter((o) => !isOpen(o));
  const shown = [...(tab === 'open' ? open : done)].sort((a, b) => b.updated_us - a.updated_us).slice(0, MOST);
  const cancel = (id: string) =>
    command.run(() => client.post('/cancel', { client_id: id }, { query: { run: run.id } }));
  return (
    <Panel
      title={t('trading.orders')}
      flush
      className="tall"
      actions={
        <Tabs
          label={t('trading.orders')}
          tabs={[
            { id: 'open', label: t('trading.open_orders'), count: open.length },
            { id: 'done', label: t('trading.done_orders'), count: done.length },
          ]}
          chosen={tab}
          onChoose={setTab}
        />
      }
    >
      {command.error !== undefined && <ErrorNote error={command.error} />}
      {shown.length === 0 ? (
        <Empty>{t('trading.no_orders')}</Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('time')}</th>
              <th scope="col">{t('instrument')}</th>
              <th scope="col">{t('trading.side')}</th>
              <th scope="col">{t('trading.type')}</th>
              <th scope="col" className="n">
                {t('trading.price')}
              </th>
              <th scope="col" className="n">
                {t('trading.qty')}
              </th>
              <th scope="col" className="n">
                {t('trading.filled')}
              </th>
              <th scope="col">{t('trading.status')}</th>
              <th scope="col">Id</th>
              <th scope="col">{t('actions')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((o) => {
              const why = runPath(run.id, 'time', { order: o.client_id });
              return (
                <tr key={o.client_id}>
                  <td className="nowrap">{timeUs(o.updated_us, zone)}</td>
                  <td>{o.instrument}</td>
                  <td>
                    <Side side={o.side} />
                  </td>
                  <td>{word(t, 'order', o.type)}</td>
                  <td className="n">{decimal(o.price)}</td>
                  <td className="n">{Number(o.qty) === 0 ? t('order.whole') : decimal(o.qty)}</td>
                  <td className="n">{decimal(o.filled)}</td>
                  <td>
                    <Badge
                      tone={
                        isUnknown(o)
                          ? 'bad'
                          : /reject/.test(o.status)
                            ? 'warn'
                            : o.status === 'filled'
                              ? 'good'
                              : 'plain'
                      }
                    >
                      {word(t, 'order', o.status)}
                    </Badge>
                    {o.reason && <span className="dim"> {word(t, 'order', o.reason)}</span>}
                  </td>
                  <td className="mono dim id" title={o.client_id}>
                    {o.client_id}
                  </td>
                  <td className="nowrap">
                    <a href={why} onClick={follow(why)}>
                      {t('trading.trace')}
                    </a>{' '}
                    {tab === 'open' && may('orders.write') && (
                      <button
                        type="button"
                        className="small"
                        disabled={command.busy}
                        onClick={() => void cancel(o.client_id)}
                      >
                        {t('trading.cancel_order')}
                      </button>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
