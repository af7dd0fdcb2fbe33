import type { Fill, ReportData } from './data.ts';
import { PriceSampler } from './down-sample.ts';

/**
 * A report's data made up from a seed, for tests and for looking at the page: 30 days of two instruments, a position that
 * turns round at each crossing of two averages, fees of 0.05 % and funding every eight hours. Nothing real.
 */
export function exampleReport(seed = 7, days = 30): ReportData {
  let s = seed >>> 0;
  const random = () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
  const start = Date.UTC(2025, 4, 25) * 1000;
  const data: ReportData = {
    run: {
      pipeline: 'trend',
      file: 'pipelines/trend.yaml',
      profile: 'backtest',
      graph_hash: '3f9a1c0d7be24458a1ce90e2bb0c7f6ad5514e7791c2a3bb48d0f31f2a6c9d10',
      params: { symbols: ['BTCUSDT', 'ETHUSDT'], interval: '1h' },
      inputs: [{ path: 'klines/BTCUSDT-1m.csv.gz' }, { path: 'klines/ETHUSDT-1m.csv.gz' }],
      first_us: start,
      last_us: start + days * 86_400e6,
      events: days * 2880,
      cycles: days * 2890,
      candles: days * 2880,
      load_s: 0.21,
      run_s: 0.33,
      peak_rss_bytes: 188e6,
      versions: { chimera: '0.1.0', node: '20.20.2' },
    },
    start_balance: 1_000_000_000_000,
    final_balance: 0,
    equity: { t_us: [], equity: [] },
    exposure: { t_us: [], gross: [], net: [] },
    prices: {},
    fills: [],
    funding: [],
    orders: { placed: 0, filled: 0, partial_fills: 3, canceled: 5, rejected: 2, expired: 0, post_only_refused: 2 },
    counters: { filtered: 12, late: 0, dead_lettered: 0, dropped: 0 },
    quality: { bad_input: [], out_of_order: 0, findings: {} },
    notes: [
      'Orders fill at the open of the next candle; the taker fee is 0.05 %.',
      'The mark price is the last close.',
    ],
  };
  let wallet = data.start_balance;
  const legs = [
    { symbol: 'usdm:BTCUSDT', px: 10_800_000, qty: 5, fast: 0, slow: 0, pos: 0, entry: 0 },
    { symbol: 'usdm:ETHUSDT', px: 255_000, qty: 120, fast: 0, slow: 0, pos: 0, entry: 0 },
  ];
  const samplers = legs.map(() => new PriceSampler(700, 60_000_000));
  // Prices in cents, quantities in hundredths: price × quantity × 10⁴ is money of 10⁻⁸.
  const worth = (cents: number, hundredths: number) => cents * hundredths * 1e4;
  const text = (n: number, digits: number) => String(n / 10 ** digits);
  for (let minute = 0; minute < days * 1440; minute++) {
    const t = start + minute * 60e6;
    legs.forEach((leg, i) => {
      leg.px = Math.round(
        leg.px * (1 + (random() + random() + random() - 1.5) * 0.0011 + Math.sin(minute / 2600 + i) * 4e-6),
      );
      samplers[i]!.add(t, leg.px / 100);
      if (minute % 60 !== 0) return;
      leg.fast = leg.fast === 0 ? leg.px : leg.fast + (leg.px - leg.fast) / 8;
      leg.slow = leg.slow === 0 ? leg.px : leg.slow + (leg.px - leg.slow) / 30;
      if (minute % 480 === 0 && leg.pos !== 0) {
        const paid = Math.round(worth(leg.px, leg.pos) * -0.0001);
        wallet += paid;
        data.funding.push({ time_ms: t / 1000, symbol: leg.symbol, amount: money(paid) });
      }
      const want = minute < 1800 ? 0 : leg.fast > leg.slow ? leg.qty : -leg.qty;
      if (want === leg.pos) return;
      for (const [qty, closing] of [
        [-leg.pos, true],
        [want, false],
      ] as const) {
        if (qty === 0) continue;
        const fee = Math.round(worth(leg.px, Math.abs(qty)) * 0.0005);
        const pnl = closing ? worth(leg.px - leg.entry, leg.pos) : 0;
        wallet += pnl - fee;
        data.orders.placed++;
        data.orders.filled++;
        const fill: Fill = {
          time_ms: t / 1000,
          symbol: leg.symbol,
          side: qty > 0 ? 'buy' : 'sell',
          price: text(leg.px, 2),
          qty: text(Math.abs(qty), 2),
          fee: money(fee),
          liquidity: random() < 0.3 ? 'maker' : 'taker',
          order_id: `o${data.orders.placed}`,
          reason: closing ? 'exit' : 'entry',
          realized_pnl: money(pnl),
        };
        data.fills.push(fill);
      }
      leg.pos = want;
      leg.entry = leg.px;
    });
    if (minute % 15 === 0) {
      data.equity.t_us.push(t);
      data.equity.equity.push(legs.reduce((a, l) => a + worth(l.px - l.entry, l.pos), wallet));
      data.exposure.t_us.push(t);
      data.exposure.gross.push(legs.reduce((a, l) => a + worth(l.px, Math.abs(l.pos)), 0));
      data.exposure.net.push(legs.reduce((a, l) => a + worth(l.px, l.pos), 0));
    }
  }
  data.final_balance = wallet;
  legs.forEach((leg, i) => {
    data.prices[leg.symbol] = samplers[i]!.series();
  });
  return data;
}

const money = (n: number): string => (n / 1e8).toFixed(8).replace(/\.?0+$/, '');
