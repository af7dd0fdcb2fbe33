import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineStyle,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts';
import { useEffect, useRef } from 'react';
import type { Candle, Fill } from '../../../api/contract/answers.ts';
import type { Order, Position } from '../../../api/contract/records.ts';
import { useDark } from '../../app/settings.ts';
import { useText, word } from '../../i18n/text.ts';
import { colour } from '../../theme/colour.ts';
import { chartLook, showAll } from '../runs/equity-chart.tsx';

export const fillTimeUs = (f: Fill): number => (typeof f.time_ms === 'number' ? f.time_ms * 1000 : Number(f.t ?? 0));
export const fillPrice = (f: Fill): string => String(f.price ?? f.px ?? '');

/** Candles with fills as arrows; open orders, stops and liquidation as lines. */
export function PriceChart(props: {
  instrument: string;
  bars: readonly Candle[];
  widthS: number;
  fills: readonly Fill[];
  position: Position | undefined;
  orders: readonly Order[];
}) {
  const { instrument, bars, widthS, fills, position, orders } = props;
  const t = useText();
  const ref = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const chart = useRef<{
    chart: IChartApi;
    series: ISeriesApi<'Candlestick'>;
    markers: ISeriesMarkersPluginApi<Time>;
    of: string;
    lines: IPriceLine[];
  }>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours follow the theme
  useEffect(() => {
    const c = createChart(ref.current!, { ...chartLook(), autoSize: true });
    const up = colour('--good');
    const down = colour('--bad');
    const series = c.addSeries(CandlestickSeries, {
      upColor: 'transparent',
      borderUpColor: up,
      wickUpColor: up,
      downColor: down,
      borderDownColor: down,
      wickDownColor: down,
    });
    chart.current = { chart: c, series, markers: createSeriesMarkers(series, []), of: '', lines: [] };
    return () => {
      chart.current = null;
      c.remove();
    };
  }, [dark]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart made anew is filled anew
  useEffect(() => {
    const c = chart.current;
    if (!c) return;
    const candles = bars.map(([us, o, h, l, close]) => ({
      time: Math.floor(us / 1e6) as UTCTimestamp,
      open: Number(o),
      high: Number(h),
      low: Number(l),
      close: Number(close),
    }));
    const digits = Math.max(0, ...bars.slice(-20).map((b) => (b[4].split('.')[1] ?? '').length));
    c.series.applyOptions({ priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits } });
    c.series.setData(candles);
    const of = `${instrument} ${widthS}`;
    if (c.of !== of && candles.length > 0) {
      c.of = of;
      showAll(c.chart.timeScale(), candles.length);
    }
  }, [bars, instrument, widthS, dark]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart made anew is filled anew
  useEffect(() => {
    const c = chart.current;
    if (!c) return;
    // One arrow per bar and side: a bar of an active minute has dozens of fills.
    const arrows = new Map<string, { time: number; buy: boolean; n: number }>();
    for (const f of fills) {
      const time = Math.floor(fillTimeUs(f) / 1e6 / widthS) * widthS;
      const buy = f.side === 'buy';
      const known = arrows.get(`${time} ${buy}`);
      if (known) known.n++;
      else arrows.set(`${time} ${buy}`, { time, buy, n: 1 });
    }
    c.markers.setMarkers(
      [...arrows.values()]
        .sort((a, b) => a.time - b.time)
        .map(
          ({ time, buy, n }): SeriesMarker<Time> => ({
            time: time as UTCTimestamp,
            position: buy ? 'belowBar' : 'aboveBar',
            shape: buy ? 'arrowUp' : 'arrowDown',
            color: buy ? colour('--good') : colour('--bad'),
            ...(n > 1 ? { text: `×${n}` } : {}),
          }),
        ),
    );
  }, [fills, widthS, dark]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart made anew is filled anew
  useEffect(() => {
    const c = chart.current;
    if (!c) return;
    for (const l of c.lines) c.series.removePriceLine(l);
    const line = (price: string | null | undefined, title: string, of: string, style: LineStyle) =>
      price && Number(price) > 0
        ? [
            c.series.createPriceLine({
              price: Number(price),
              title,
              color: colour(of),
              lineStyle: style,
              lineWidth: 1,
              axisLabelVisible: true,
            }),
          ]
        : [];
    c.lines = [
      ...line(position?.entry_price, t('trading.entry'), '--accent', LineStyle.Solid),
      ...line(position?.stop_price, t('trading.stop'), '--alarm', LineStyle.Dashed),
      ...line(position?.liquidation_price, t('trading.liquidation'), '--bad', LineStyle.LargeDashed),
      ...orders
        .slice(0, 8)
        .flatMap((o) =>
          line(
            o.price,
            `${t(`side.${o.side}`)} ${Number(o.qty) === 0 ? word(t, 'order', o.type) : o.qty}`,
            o.side === 'buy' ? '--good' : '--bad',
            LineStyle.Dotted,
          ),
        ),
    ];
  }, [position, orders, t, dark]);

  const stops = (position?.stop_price ? 1 : 0) + orders.filter((o) => o.type.includes('stop')).length;
  return (
    <div
      className="chart price"
      ref={ref}
      role="img"
      aria-label={t('trading.chart_label', { instrument, fills: fills.length, stops })}
    />
  );
}
