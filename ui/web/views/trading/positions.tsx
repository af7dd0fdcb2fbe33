import type { Position } from '../../../api/contract/records.ts';
import { decimal, percent, signOf } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { Badge, Empty, Panel } from '../../parts/parts.tsx';
import { Side } from '../runs/report-view.tsx';

/** Distances at which a position is looked at with concern, and with alarm. */
const NEAR = 0.05;
const CLOSE = 0.02;

export function Positions({ positions }: { positions: readonly Position[] }) {
  const t = useText();
  const open = positions.filter((p) => signOf(p.qty) !== 0 || Object.values(p.pnl).some((x) => signOf(x) !== 0));
  return (
    <Panel title={t('trading.positions')} flush>
      {open.length === 0 ? (
        <Empty>{t('trading.no_positions')}</Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('instrument')}</th>
              <th scope="col">{t('trading.side')}</th>
              <th scope="col" className="n">
                {t('trading.qty')}
              </th>
              <th scope="col" className="n">
                {t('trading.entry')}
              </th>
              <th scope="col" className="n">
                {t('trading.mark')}
              </th>
              <th scope="col" className="n">
                {t('trading.stop')}
              </th>
              <th scope="col" className="n">
                {t('trading.liquidation')}
              </th>
              <th scope="col" className="n" title={t('trading.distance_help')}>
                {t('trading.distance')}
              </th>
              <th scope="col" className="n">
                {t('trading.pnl')} {t('trading.pnl_price')} (USDT)
              </th>
              <th scope="col" className="n">
                {t('trading.pnl_fees')}
              </th>
              <th scope="col" className="n">
                {t('trading.pnl_funding')}
              </th>
            </tr>
          </thead>
          <tbody>
            {open.map((p) => {
              const sign = signOf(p.qty);
              return (
                <tr key={p.instrument}>
                  <th scope="row">{p.instrument}</th>
                  <td>
                    <Side side={sign > 0 ? 'long' : sign < 0 ? 'short' : 'flat'} />
                  </td>
                  <td className="n">{decimal(p.qty)}</td>
                  <td className="n">{decimal(p.entry_price, { digits: 4 })}</td>
                  <td className="n">{decimal(p.mark_price, { digits: 4 })}</td>
                  <td className="n">{decimal(p.stop_price)}</td>
                  <td className="n">{decimal(p.liquidation_price, { digits: 4 })}</td>
                  <td className="n">
                    <Distance of={p.distance_to_liquidation} />
                  </td>
                  <Money of={p.pnl.price} />
                  <Money of={negated(p.pnl.fees)} />
                  <Money of={p.pnl.funding} />
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Distance({ of }: { of: number | null }) {
  if (of === null) return <span className="dim">–</span>;
  const tone = of < CLOSE ? 'bad' : of < NEAR ? 'warn' : 'plain';
  return (
    <span className="distance">
      <meter min={0} max={0.2} low={CLOSE} high={NEAR} optimum={0.2} value={Math.min(0.2, of)} aria-hidden="true" />
      <Badge tone={tone}>{percent(of)}</Badge>
    </span>
  );
}

/** What was paid makes the result smaller. */
const negated = (text: string): string => (text.startsWith('-') ? text.slice(1) : `-${text}`);

const Money = ({ of }: { of: string }) => {
  const sign = signOf(of);
  return <td className={`n ${sign > 0 ? 'good' : sign < 0 ? 'bad' : ''}`}>{decimal(of, { sign: true, digits: 4 })}</td>;
};
