import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type ConfigIssue, defineNode, input, output } from '../../graph/node.ts';
import { Candle } from '../../graph/schema/index.ts';
import { exact } from './exact.ts';
import { CandleBar } from './records.ts';

const config = z.strictObject({
  width: duration({ min: '1m' }).describe('width of a bar'),
  interval: duration({ min: '1s' }).prefault('1m').describe('width of the candles that come in'),
});

export const candleBars = defineNode({
  type: 'silver.candle_bars',
  version: 1,
  tier: 'silver',
  summary: 'Larger bars from candles: 1 h from sixty 1m candles, beginning at the full hour.',
  doc: `
Bars start at multiples of \`width\` since the epoch and are written **with their last candle**, not with the first one of the
next bar. A bar whose beginning was not seen is left out. When candles are missing inside a bar it is written with what
came, at its last candle or, if that is the missing one, at the first candle of a later bar; \`candles\` says how many it holds.
A candle that is not newer than the one before is counted \`late\` and dead-lettered. An unfinished bar is not written.`,
  config,
  ports: { in: { candle: input(Candle) }, out: { bar: output(CandleBar) } },
  determinism: 'pure',
  check(c: z.output<typeof config>): ConfigIssue[] {
    if (c.width % c.interval === 0 && c.width % 1000 === 0 && c.interval % 1000 === 0) return [];
    return [
      {
        code: 'CHM852',
        path: ['width'],
        message: 'the width of a bar must be a whole multiple of the interval of the candles',
        help: 'give `width` and `interval` so that one divides the other, e.g. 15m and 1m',
      },
    ];
  },
  state: () => ({
    /** Open time of the last candle, ms. */
    last: Number.NEGATIVE_INFINITY,
    /** The bar being built; without candles none is. */
    bar: { start: 0, end: 0, open: 0, high: 0, low: 0, close: 0, volume: 0, candles: 0 },
  }),
  quiet: {
    candle: {
      /** Up to the candle that ends the bar, or is late, or does not follow. */
      reach(s, { columns, rows, from, to }, c) {
        const { open_time_ms: times, volume: volumes } = columns;
        const width = c.width / 1000;
        const interval = c.interval / 1000;
        let { last } = s;
        let { start, end, candles, volume } = s.bar;
        for (let j = from; j < to; j++) {
          const i = rows[j]!;
          const t = times[i]!;
          if (t <= last) return j;
          if (candles > 0) {
            if (t < start || t >= start + width) return j;
          } else {
            const next = Math.floor(t / width) * width;
            const unseen = (last === Number.NEGATIVE_INFINITY || next === start) && t !== next;
            start = next;
            if (unseen) {
              last = t;
              continue;
            }
            end = start + width;
            volume = 0;
          }
          volume += volumes[i]!;
          if (t + interval >= end || !(volume <= Number.MAX_SAFE_INTEGER)) return j;
          candles++;
          last = t;
        }
        return to;
      },
      fold(s, { columns, rows, from, to }, c) {
        const { open_time_ms: times, open, high: highs, low: lows, close: closes, volume: volumes } = columns;
        const { bar } = s;
        const width = c.width / 1000;
        let j = from;
        if (bar.candles === 0) {
          let start = bar.start;
          let first = s.last === Number.NEGATIVE_INFINITY;
          for (; j < to; j++) {
            const t = times[rows[j]!]!;
            const next = Math.floor(t / width) * width;
            const unseen = (first || next === start) && t !== next;
            start = next;
            if (!unseen) break;
            first = false;
          }
          bar.start = start;
          s.last = times[rows[to - 1]!]!;
          if (j === to) return;
          const i = rows[j]!;
          bar.end = start + width;
          bar.open = open[i]!;
          bar.high = highs[i]!;
          bar.low = lows[i]!;
          bar.volume = 0;
        }
        let { high, low, volume } = bar;
        bar.candles += to - j;
        for (; j < to; j++) {
          const i = rows[j]!;
          const h = highs[i]!;
          const l = lows[i]!;
          if (h > high) high = h;
          if (l < low) low = l;
          volume += volumes[i]!;
        }
        const i = rows[to - 1]!;
        bar.high = high;
        bar.low = low;
        bar.close = closes[i]!;
        bar.volume = volume;
        s.last = times[i]!;
      },
    },
  },
  step(s, tick, c, emit, ctx) {
    const k = tick.candle;
    const { bar } = s;
    if (k.open_time_ms <= s.last) {
      ctx.count('late');
      return ctx.count('dead_lettered');
    }
    const width = c.width / 1000;
    const start = Math.floor(k.open_time_ms / width) * width;
    const first = s.last === Number.NEGATIVE_INFINITY;
    s.last = k.open_time_ms;
    let missing = false;
    if (bar.candles > 0 && start !== bar.start) {
      emit.bar(bar);
      bar.candles = 0;
      missing = true;
    }
    if (bar.candles === 0) {
      // The first bar of all counts only from its beginning; later ones are known to have begun after the last candle.
      if ((first || start === bar.start) && k.open_time_ms !== start) {
        bar.start = start;
        return;
      }
      bar.start = start;
      bar.end = start + width;
      bar.open = k.open;
      bar.high = k.high;
      bar.low = k.low;
      bar.volume = 0;
    }
    if (k.high > bar.high) bar.high = k.high;
    if (k.low < bar.low) bar.low = k.low;
    bar.close = k.close;
    bar.volume = exact(bar.volume + k.volume, 'volume');
    bar.candles++;
    if (k.open_time_ms + c.interval / 1000 < bar.end || missing) return;
    emit.bar(bar);
    bar.candles = 0;
  },
});
