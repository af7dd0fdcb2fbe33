import { useMemo } from 'react';
import type { Fill } from '../../../api/contract/answers.ts';
import type { Run } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { follow, RUNS } from '../../app/router.ts';
import { useSettings } from '../../app/settings.ts';
import { decimal, timeMs } from '../../i18n/format.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge, Empty, Panel, Shown } from '../../parts/parts.tsx';
import { useCommand } from '../../parts/use-command.ts';
import { EquityChart } from './equity-chart.tsx';
import { figure, figureName, numbersOf } from './figures.tsx';
import { Parity } from './runs-view.tsx';
import './runs.css';

interface Report {
  readonly start_balance: string;
  readonly final_balance: string;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly orders: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly equity: { readonly t_us: readonly number[]; readonly equity: readonly string[] };
  readonly fills: readonly Fill[];
}
const FILLS = 500;

export default function ReportView({ run }: { run: Run }) {
  const t = useText();
  const { zone } = useSettings();
  const base = `/runs/${encodeURIComponent(run.id)}`;
  const report = useData(run.has_report ? `report ${run.id}` : null, (s) =>
    client.get<Report>(`${base}/report.json`, undefined, s),
  );
  const { busy, run: act } = useCommand();
  const save = (kind: 'html' | 'json') =>
    act(async () => {
      const text = await client.text(kind === 'html' ? `${base}/report` : `${base}/report.json`);
      const url = URL.createObjectURL(new Blob([text], { type: kind === 'html' ? 'text/html' : 'application/json' }));
      const a = document.createElement('a');
      a.href = url;
      a.download = `${run.id}.${kind}`;
      a.click();
      URL.revokeObjectURL(url);
    });
  const data = report.data;
  const curves = useMemo(
    () =>
      data ? [{ name: run.id, points: data.equity.t_us.map((u, i) => [u, data.equity.equity[i]!] as const) }] : [],
    [data, run.id],
  );
  return (
    <div className="page">
      <header>
        <h1>{t('runs.report_of', { run: run.id })}</h1>
        <Badge>{word(t, 'kind', run.kind)}</Badge>
        <Parity run={run} />
        <a href={RUNS} onClick={follow(RUNS)}>
          {t('runs.title')}
        </a>
        {run.has_report && (
          <>
            <button type="button" disabled={busy} onClick={() => void save('html')}>
              {t('runs.download_html')}
            </button>
            <button type="button" disabled={busy} onClick={() => void save('json')}>
              {t('runs.download_json')}
            </button>
          </>
        )}
      </header>
      {!run.has_report && <Empty>{t('runs.no_figures')}</Empty>}
      {run.has_report && (
        <Shown of={report}>
          {(r) => (
            <>
              <Panel title={`${t('runs.equity')} (USDT)`} flush>
                {r.equity.t_us.length > 1 ? (
                  <EquityChart curves={curves} label={t('runs.equity_label', { run: run.id })} />
                ) : (
                  <Empty>{t('runs.no_equity')}</Empty>
                )}
              </Panel>
              <div className="two">
                <Panel title={t('runs.figures')} flush>
                  <table>
                    <tbody>
                      <tr>
                        <th scope="row">{figureName(t, 'final_balance')}</th>
                        <td className="n">{decimal(r.final_balance, { digits: 2 })} USDT</td>
                      </tr>
                      {numbersOf(r.metrics).map(([name, v]) => (
                        <tr key={name}>
                          <th scope="row">{figureName(t, name)}</th>
                          <td className="n">{figure(name, v)}</td>
                        </tr>
                      ))}
                      {Object.entries(r.orders).map(([name, v]) => (
                        <tr key={name}>
                          <th scope="row">{word(t, 'order', name)}</th>
                          <td className="n">{v}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Panel>
                <Panel title={`${t('runs.fills')} (${r.fills.length})`} flush className="tall">
                  <FillTable fills={r.fills.slice(-FILLS).reverse()} zone={zone} />
                </Panel>
              </div>
              {r.notes.length > 0 && (
                <ul className="dim">
                  {r.notes.map((n) => (
                    <li key={n}>{n}</li>
                  ))}
                </ul>
              )}
            </>
          )}
        </Shown>
      )}
    </div>
  );
}

export function FillTable({ fills, zone }: { fills: readonly Fill[]; zone: 'utc' | 'local' }) {
  const t = useText();
  if (fills.length === 0) return <Empty>{t('runs.only_none')}</Empty>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t('time')}</th>
          <th scope="col">{t('instrument')}</th>
          <th scope="col">{t('trading.side')}</th>
          <th scope="col" className="n">
            {t('trading.price')}
          </th>
          <th scope="col" className="n">
            {t('trading.qty')}
          </th>
          <th scope="col" className="n">
            {t('trading.pnl_fees')}
          </th>
        </tr>
      </thead>
      <tbody>
        {fills.map((f, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: fills have no id of their own, and the list does not change
          <tr key={i}>
            <td className="nowrap">{timeMs(f.time_ms ?? (f.t ?? 0) / 1000, zone, { date: true, ms: true })}</td>
            <td>{f.symbol ?? f.instrument}</td>
            <td>{f.side ? <Side side={f.side} /> : ''}</td>
            <td className="n">{decimal(f.price)}</td>
            <td className="n">{decimal(f.qty)}</td>
            <td className="n">{decimal(f.fee)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Buy and sell by word and arrow, not by colour alone. */
export function Side({ side }: { side: string }) {
  const t = useText();
  const up = side === 'buy' || side === 'long';
  return (
    <span className={side === 'flat' ? 'dim' : up ? 'good' : 'bad'}>
      {side === 'flat' ? '' : up ? '▲ ' : '▼ '}
      {word(t, 'side', side)}
    </span>
  );
}
