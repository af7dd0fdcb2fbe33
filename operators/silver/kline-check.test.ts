import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { klineCheck } from './kline-check.ts';
import { DATA, hasRecording, readRecording } from './testing/recording.ts';
import { type Row, trade } from './testing/tape.ts';

describe('silver.kline_check', () => {
  const kline = (last_id: number, more: Row = {}): Record<string, Row> => ({
    kline: {
      start_ms: 60_000,
      end_ms: 119_999,
      interval: '1m',
      open: 100,
      high: 100,
      low: 100,
      close: 100,
      volume: 2,
      quote: 0.002,
      trades: 2,
      buy_volume: 2,
      buy_quote: 0,
      first_id: 2,
      last_id,
      closed: false,
      event_ms: 60_500,
      ...more,
    },
  });
  it('compares an update before and after its last trade came, and names what differs', () => {
    const d = new Drive(klineCheck);
    d.send(1, { trade: trade({ id: 1, time_ms: 59_000 }) });
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, kline(3));
    expect(d.emitted).toEqual([]);
    d.send(4, { trade: trade({ id: 3, time_ms: 60_001 }) });
    d.send(5, { trade: trade({ id: 4, time_ms: 60_002, qty: 5 }) });
    d.send(6, kline(3, { closed: true, volume: 3, close: 99 }));
    d.send(7, kline(9));
    expect(d.on('check')).toEqual([
      { start: 60_000, last_id: 3, closed: false, whole: true, equal: true, differs: '' },
      { start: 60_000, last_id: 3, closed: true, whole: true, equal: false, differs: 'close volume' },
    ]);
  });

  it('bounds the volume of an update that ends inside an aggregate', () => {
    const d = new Drive(klineCheck);
    d.send(1, { trade: trade({ id: 1, time_ms: 59_000 }) });
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, { trade: trade({ id: 9, time_ms: 60_001, qty: 3 }, { agg: true, first_id: 3, last_id: 5 }) });
    d.send(4, kline(3, { quote: 0.004, volume: 4, buy_volume: 4 }));
    d.send(5, kline(4, { quote: 0.005, volume: 5, buy_volume: 4, trades: 3, close: 101 }));
    expect(d.on('check').map((r) => [r['whole'], r['differs']])).toEqual([
      [false, ''],
      [false, 'close volume quote'],
    ]);
  });

  it('says nothing of a minute that began before the recording', () => {
    const d = new Drive(klineCheck);
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, { trade: trade({ id: 3, time_ms: 60_001 }) });
    d.send(4, kline(3));
    expect(d.emitted).toEqual([]);
  });

  it.skipIf(!hasRecording('cryptofeed/BINANCE_FUTURES.ws.1.0.gz'))(
    `agrees with every update of a minute that began inside the recording (${DATA})`,
    () => {
      let due = 0;
      let rows = 0;
      for (const symbol of ['SUSHIUSDT', 'AKROUSDT', 'KEEPUSDT', 'CTKUSDT']) {
        const { frames, ...digits } = readRecording(['cryptofeed/BINANCE_FUTURES.ws.1.0.gz'], symbol);
        const d = new Drive(klineCheck, {}, digits);
        for (const f of frames) if (f.port === 'kline' || f.port === 'trade') d.send(f.t, { [f.port]: f.row });
        const began = Math.min(...frames.map((f) => (f.row['event_ms'] as number) || Number.POSITIVE_INFINITY));
        due += frames.filter((f) => f.port === 'kline' && (f.row['start_ms'] as number) > began).length;
        const checks = d.on('check');
        rows += checks.length;
        expect(checks.filter((c) => !c['equal'])).toEqual([]);
      }
      console.log(`${rows} of ${due} kline updates of whole minutes compared, all equal`);
      expect(rows).toBe(due);
      expect(rows).toBeGreaterThan(15);
    },
  );
});
