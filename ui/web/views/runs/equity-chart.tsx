import { AreaSeries, ColorType, createChart, type LineData, LineSeries, type UTCTimestamp } from 'lightweight-charts';
import { useEffect, useRef } from 'react';
import { useDark } from '../../app/settings.ts';
import { colour, token } from '../../theme/colour.ts';

export type Point = readonly [number, string | number];

/** Looks of a chart: a canvas does not know of CSS. */
export const chartLook = () => ({
  layout: {
    background: { type: ColorType.Solid, color: colour('--panel') },
    textColor: colour('--dim'),
    fontFamily: token('--sans'),
    fontSize: 11,
    // Named on the help sheet; the mark would bring a style of its own along, which the page's policy refuses.
    attributionLogo: false,
  },
  grid: { vertLines: { color: colour('--line') }, horzLines: { color: colour('--line') } },
  rightPriceScale: { borderColor: colour('--line') },
  timeScale: { borderColor: colour('--line'), timeVisible: true, secondsVisible: true },
});

/** One value per second, the last one of it, ascending: what the chart takes. */
export function perSecond(points: readonly Point[]): LineData<UTCTimestamp>[] {
  const out: LineData<UTCTimestamp>[] = [];
  for (const [us, v] of points) {
    const time = Math.floor(us / 1e6) as UTCTimestamp;
    const last = out.at(-1);
    if (last && last.time === time) out[out.length - 1] = { time, value: Number(v) };
    else if (!last || time > last.time) out.push({ time, value: Number(v) });
  }
  return out;
}

/** Curves of equity, one or two over each other. */
/** All of so many points, with room at the left: the first time would be cut off. */
export const showAll = (
  scale: { setVisibleLogicalRange(r: { from: number; to: number }): void },
  points: number,
): void => {
  if (points > 0) scale.setVisibleLogicalRange({ from: -points * 0.05, to: points });
};

export function EquityChart({
  curves,
  label,
}: {
  curves: readonly { name: string; points: readonly Point[] }[];
  label: string;
}) {
  const ref = useRef<HTMLDivElement>(null);
  const dark = useDark();
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours follow the theme
  useEffect(() => {
    const chart = createChart(ref.current!, { ...chartLook(), autoSize: true });
    curves.forEach((c, i) => {
      const series =
        curves.length === 1
          ? chart.addSeries(AreaSeries, {
              lineColor: colour('--accent'),
              topColor: colour('--accent', 0.25),
              bottomColor: colour('--accent', 0),
              lineWidth: 2,
            })
          : chart.addSeries(LineSeries, {
              color: colour(i === 0 ? '--accent' : '--alarm'),
              lineWidth: 2,
              lineStyle: i === 0 ? 0 : 2,
              title: c.name,
            });
      series.setData(perSecond(c.points));
    });
    showAll(chart.timeScale(), Math.max(0, ...curves.map((c) => perSecond(c.points).length)));
    return () => chart.remove();
  }, [curves, dark]);
  return <div className="chart equity" ref={ref} role="img" aria-label={label} />;
}
