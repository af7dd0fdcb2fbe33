import { useEffect, useMemo, useState } from 'react';
import type { Candle, Fill, List } from '../../../api/contract/answers.ts';
import type { Order, Run, Trading } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery, usePlace } from '../../app/router.ts';
import { useText, word } from '../../i18n/text.ts';
import { useTrading } from '../../live/live.ts';
import { Empty, ErrorNote, Loading, Note, Panel } from '../../parts/parts.tsx';
import { useGraph } from '../graph/graph-view.tsx';
import { Orders } from './orders.tsx';
import { Positions } from './positions.tsx';
import { fillTimeUs, PriceChart } from './price-chart.tsx';
import { Reconciler, Wallets } from './reconciler.tsx';
import { Transfers } from './transfers.tsx';
import './trading.css';

const WIDTHS = [1, 5, 60, 300, 900, 3600] as const;
const widthName = (s: number): string => (s < 60 ? `${s} s` : s < 3600 ? `${s / 60} min` : `${s / 3600} h`);
export const isOpen = (o: Order): boolean => /^(new|partially_filled|unknown|open|pending|sent)/i.test(o.status);
export const isUnknown = (o: Order): boolean => /^unknown$/i.test(o.status);

export default function TradingView({ run }: { run: Run }) {
  const t = useText();
  const { trading, error } = useTrading(run.id);
  const unknown = trading?.orders.filter(isUnknown) ?? [];
  return (
    <div className="trading-view">
      <h1 className="hidden">{t('trading.title')}</h1>
      {unknown.length > 0 && (
        <Note tone="bad" role="alert">
          <h2>{t('trading.unknown', { n: unknown.length })}</h2>
          <p>
            {unknown.map((o) => `${o.instrument} ${word(t, 'side', o.side)} ${o.qty} (${o.client_id})`).join(' · ')}
          </p>
          <p className="dim">{t('trading.unknown_help')}</p>
        </Note>
      )}
      <Chart run={run} trading={trading} />
      {error !== null && trading === null && <ErrorNote error={error} />}
      {trading === null && error === null && <Loading />}
      {trading && (
        <>
          <Positions positions={trading.positions} />
          <Orders run={run} orders={trading.orders} />
          <div className="three">
            <Reconciler run={run.id} of={trading.reconciler} />
            <Wallets wallets={trading.wallets} />
            <Transfers run={run.id} />
          </div>
        </>
      )}
    </div>
  );
}

function Chart({ run, trading }: { run: Run; trading: Trading | null }) {
  const t = useText();
  const graph = useGraph(run);
  const { query } = usePlace();
  const [chosenWidth, setWidthS] = useState<number>();
  const [young, setYoung] = useState(false);
  // A run of some minutes is seen in seconds, unless somebody says otherwise.
  const widthS = chosenWidth ?? (young ? 1 : 60);
  const instruments = [
    ...new Set([
      ...(graph.data?.keys ?? []),
      ...(trading?.positions ?? []).map((p) => p.instrument),
      ...(trading?.orders ?? []).map((o) => o.instrument),
    ]),
  ];
  const asked = query.get('instrument');
  const instrument = asked ?? instruments[0];
  const base = `/runs/${encodeURIComponent(run.id)}`;
  const every = run.state === 'running' ? { everyMs: 2000 } : {};
  const bars = useData(
    instrument ? `bars ${run.id} ${instrument} ${widthS}` : null,
    (s) => client.get<{ bars: Candle[] }>(`${base}/bars`, { instrument, width: widthS }, s),
    every,
  );
  const fills = useData(
    instrument ? `fills ${run.id} ${instrument}` : null,
    (s) => client.get<List<Fill>>(`${base}/fills`, { instrument, limit: 5000 }, s),
    every,
  );
  useEffect(() => {
    if (widthS === 60 && bars.data && bars.data.bars.length < 8) setYoung(true);
  }, [bars.data, widthS]);
  const first = bars.data?.bars[0]?.[0] ?? 0;
  const shownFills = useMemo(
    () => (fills.data?.items ?? []).filter((f) => fillTimeUs(f) >= first),
    [fills.data, first],
  );
  const position = trading?.positions.find((p) => p.instrument === instrument);
  const orders = useMemo(
    () => (trading?.orders ?? []).filter((o) => o.instrument === instrument && isOpen(o)),
    [trading, instrument],
  );
  return (
    <Panel
      title={`${t('trading.price')}${instrument ? ` · ${instrument}` : ''}`}
      flush
      className="chart-panel"
      actions={
        <>
          <select
            aria-label={t('instrument')}
            value={instrument ?? ''}
            onChange={(e) => setQuery({ instrument: e.target.value }, { replace: true })}
          >
            {instruments.map((i) => (
              <option key={i}>{i}</option>
            ))}
          </select>
          <select aria-label={t('trading.width')} value={widthS} onChange={(e) => setWidthS(Number(e.target.value))}>
            {WIDTHS.map((w) => (
              <option key={w} value={w}>
                {widthName(w)}
              </option>
            ))}
          </select>
        </>
      }
    >
      {bars.error && bars.data === undefined ? (
        <ErrorNote error={bars.error} again={bars.again} />
      ) : instrument && bars.data && bars.data.bars.length > 0 ? (
        <PriceChart
          instrument={instrument}
          bars={bars.data.bars}
          widthS={widthS}
          fills={shownFills}
          position={position}
          orders={orders}
        />
      ) : bars.data ? (
        <Empty>{t('trading.no_bars')}</Empty>
      ) : (
        <Loading />
      )}
    </Panel>
  );
}
