import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedStore } from '../sinks/store/index.ts';
import { cells } from '../ui/run/compare-taps.ts';
import { runJob } from '../ui/run/run.ts';
import { ROOT, readPipeline, trend } from './testing/play.ts';

/*
 * A recording of nine seconds, made by hand, and what pipelines/trend.yaml has to make of it, derived by hand below.
 *
 * In second k (0 … 8), at the exchange: at .200 a depth diff lifts the best bid to 60,000 + 10 k (5 BTC) and the best ask to
 * 0.1 above it (4 BTC), and takes the former best ask away; at .201 the book ticker of the same update; at .300 the mark price,
 * which is the mid; at .500 a buy of 0.01 (k + 1) BTC at the ask, at .700 a sale of 0.005 BTC at the bid. Second 7 is different:
 * its sales are 5.004 BTC at .700 and 1 BTC at .800. Everything arrives 5 ms later. The first diff ends before the snapshot
 * (u 995 < 1000) and is not applied. Update ids: second k ends with u = 1010 + 10 k.
 */
const RECORDING = join(ROOT, 'pipelines/golden/btcusdt-nine-seconds.txt');
const START_MS = 1_723_161_600_000; // 2024-08-09 00:00:00 UTC
const at = (ms: number) => String((START_MS + ms) * 1000);

const dir = mkdtempSync(join(tmpdir(), 'chimera-golden-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const REPLAY = { file: 'pipelines/profiles/replay.yaml', text: readPipeline('profiles/replay.yaml') };
// Bars of 1 s; 20 USDT × 20; entries rest at the touch, exits take. An order is 100 ms on its way to the venue and its answer
// 20 ms; what the venue says is heard 5 ms later; a position that stagnates is left after 1 s. Rules: the preset's.
const sets = {
  symbols: '[BTCUSDT]',
  interval: '1s',
  fast: '2',
  slow: '4',
  strength: '3',
  volatility: '6',
  regime: '4',
  balance_usdt: '1000000',
  margin_usdt: '20',
  entry_style: 'maker_then_taker',
  exit_style: 'taker',
  reprice_after: '100ms',
  attempts: '10',
  latency: '100ms',
  answer: '20ms',
  stagnant_after: '1s',
  stagnant_roe: '0.01',
};

const WAYS = ['generated', 'interpreted', 'through Parquet'] as const;
beforeAll(async () => {
  const pipeline = trend(sets, REPLAY);
  const tapAll = (way: string) => join(dir, way);
  const lake = join(dir, 'lake');
  await runJob({ pipeline, inputs: [RECORDING], tapAll: tapAll('generated'), capture: lake });
  await runJob({
    pipeline,
    inputs: [RECORDING],
    tapAll: tapAll('interpreted'),
    mode: 'interpreted',
    state: join(dir, 'state'),
  });
  await runJob({ pipeline, inputs: [lake], tapAll: tapAll('through Parquet') });
});

/** Cells of a port as the tap writes them: exact decimals. */
function read(way: string, port: string, columns: readonly string[]): string[][] {
  const [head, ...lines] = readFileSync(join(dir, way, `${port}.csv`), 'utf8')
    .trimEnd()
    .split('\n')
    .map(cells);
  return lines.map((l) => columns.map((c) => l[head!.indexOf(c)]!));
}

describe.each(WAYS)('nine seconds of frames made by hand, %s', (way) => {
  const rows = (port: string, ...columns: string[]) => read(way, port, columns);

  it('give the book after each applied diff', () => {
    expect(rows('book.top', 't_avail_us', 'u', 'bid_px', 'bid_qty', 'ask_px', 'ask_qty')).toEqual([
      [at(205), '1010', '60000', '5', '60000.1', '4'],
      [at(1205), '1020', '60010', '5', '60010.1', '4'],
      [at(2205), '1030', '60020', '5', '60020.1', '4'],
      [at(3205), '1040', '60030', '5', '60030.1', '4'],
      [at(4205), '1050', '60040', '5', '60040.1', '4'],
      [at(5205), '1060', '60050', '5', '60050.1', '4'],
      [at(6205), '1070', '60060', '5', '60060.1', '4'],
      [at(7205), '1080', '60070', '5', '60070.1', '4'],
      [at(8205), '1090', '60080', '5', '60080.1', '4'],
    ]);
  });

  it('give the bars: the first trade of a later second closes one, the end of the input the last', () => {
    expect(
      rows(
        'bars.bar',
        't_avail_us',
        'start',
        'open',
        'high',
        'low',
        'close',
        'volume',
        'quote',
        'trades',
        'buy_volume',
        'first_id',
        'last_id',
      ),
    ).toEqual([
      // 60000.1 × 0.01 + 60000 × 0.005 = 600.001 + 300 = 900.001, and so on.
      [
        at(1505),
        String(START_MS),
        '60000.1',
        '60000.1',
        '60000',
        '60000',
        '0.015',
        '900.001',
        '2',
        '0.01',
        '101',
        '102',
      ],
      [
        at(2505),
        String(START_MS + 1000),
        '60010.1',
        '60010.1',
        '60010',
        '60010',
        '0.025',
        '1500.252',
        '2',
        '0.02',
        '103',
        '104',
      ],
      [
        at(3505),
        String(START_MS + 2000),
        '60020.1',
        '60020.1',
        '60020',
        '60020',
        '0.035',
        '2100.703',
        '2',
        '0.03',
        '105',
        '106',
      ],
      [
        at(4505),
        String(START_MS + 3000),
        '60030.1',
        '60030.1',
        '60030',
        '60030',
        '0.045',
        '2701.354',
        '2',
        '0.04',
        '107',
        '108',
      ],
      [
        at(5505),
        String(START_MS + 4000),
        '60040.1',
        '60040.1',
        '60040',
        '60040',
        '0.055',
        '3302.205',
        '2',
        '0.05',
        '109',
        '110',
      ],
      [
        at(6505),
        String(START_MS + 5000),
        '60050.1',
        '60050.1',
        '60050',
        '60050',
        '0.065',
        '3903.256',
        '2',
        '0.06',
        '111',
        '112',
      ],
      [
        at(7505),
        String(START_MS + 6000),
        '60060.1',
        '60060.1',
        '60060',
        '60060',
        '0.075',
        '4504.507',
        '2',
        '0.07',
        '113',
        '114',
      ],
      // 60070.1 × 0.08 + 60070 × 6.004 = 4805.608 + 360660.28
      [
        at(8505),
        String(START_MS + 7000),
        '60070.1',
        '60070.1',
        '60070',
        '60070',
        '6.084',
        '365465.888',
        '3',
        '0.08',
        '115',
        '117',
      ],
      [
        at(9005),
        String(START_MS + 8000),
        '60080.1',
        '60080.1',
        '60080',
        '60080',
        '0.095',
        '5707.609',
        '2',
        '0.09',
        '118',
        '119',
      ],
    ]);
  });

  it('give features from the seventh bar on', () => {
    const [first, ...more] = rows(
      'features.features',
      't_avail_us',
      'ema_fast',
      'ema_slow',
      'rsi',
      'atr',
      'mid',
      'spread_bp',
      'book_imbalance',
      'depth_5bp',
      'funding_rate',
      'time_to_funding',
      'basis_bp',
    );
    expect(more.length).toBe(2);
    // Closes rise by 10 a bar. EMA of n with α = 2 / (n + 1), seeded with the first close, lags a ramp by
    // 10 (1 − α) / α × (1 − (1 − α)^6) at its seventh value: 5 (1 − 3^-6) for n = 2, 15 (1 − 0.6^6) for n = 4.
    expect(Number(first![1])).toBeCloseTo(60060 - 5 * (1 - 3 ** -6), 7);
    expect(Number(first![2])).toBeCloseTo(60060 - 15 * (1 - 0.6 ** 6), 7);
    // Nothing but gains; a bar is 0.1 high and opens 10.1 above the close before: its true range is 10.1.
    expect([first![0], first![3]]).toEqual([at(7505), '100']);
    expect(Number(first![4])).toBeCloseTo(10.1, 9);
    expect(first![5]).toBe('60070.05');
    expect(Number(first![6])).toBeCloseTo((0.1 / 60070.05) * 10_000, 12);
    // Five levels: 5 × 5 BTC bid; 4 and 10 offered.
    expect(Number(first![7])).toBeCloseTo((25 - 14) / (25 + 14), 15);
    // Within 5 bp of the mid (60,040.01 … 60,100.09): bids at 60,070, 60,060 and 60,050, the ask of 4, not that at 61,000.
    expect(first![8]).toBe('19');
    // Eight hours less 7.3 s to the next funding, as the last mark price said.
    expect(first!.slice(9)).toEqual(['0.0001', '28792.7', '0']);
  });

  it('give one entry that rests, is filled in two parts behind the queue, and is left for stagnation [S4.10] [S4.13]', () => {
    // Fast over slow, book not offered: buy. 20 × 20 / 60,070.1 = 0.00665…, down to 0.006. Stop and target 1 % from the mid.
    expect(rows('rules.intent', 't_avail_us', 'action', 'side', 'stop_px', 'target_px', 'rule')).toEqual([
      [at(7505), 'enter', 'buy', '59469.3', '60670.8', 'enter_long'],
      // The end of the input closes the last bar, and that is a decision moment too.
      [at(9005), 'enter', 'buy', '59479.2', '60680.9', 'enter_long'],
    ]);
    expect(rows('orders.order', 't_avail_us', 'side', 'type', 'tif', 'qty', 'px', 'stop_px', 'origin')).toEqual([
      [at(7505), 'buy', 'limit', 'gtx', '0.006', '60070', '', 'entry'],
      // Heard of the first fill: stop and target.
      [at(7730), 'sell', 'stop_market', 'gtc', '0', '', '59469.3', 'guardian'],
      [at(7730), 'sell', 'take_profit_market', 'gtc', '0', '', '60670.8', 'guardian'],
      // One second after the position was opened (7.730), with a return of (60080.1 / 60070 − 1) × 20 = 0.3 % < 1 %.
      [at(8730), 'sell', 'market', 'gtc', '0.006', '', '', 'exit'],
      [at(9005), 'buy', 'limit', 'gtx', '0.006', '60080', '', 'entry'],
    ]);
    const columns = [
      't_avail_us',
      'exec',
      'status',
      'type',
      'last_px',
      'last_qty',
      'cum_quote',
      'fee',
      'realized_pnl',
      'maker',
      'time_ms',
    ];
    const ms = (n: number) => String(START_MS + n);
    expect(rows('venue.report', ...columns)).toEqual([
      // At the venue after 100 ms; 5 BTC stand before it.
      [at(7625), 'new', 'new', 'limit', '', '0', '0', '0', '0', 'false', ms(7605)],
      // 5.004 BTC are sold: 5 to those before, 0.004 to us. 0.004 × 60,070 = 240.28, of which 0.02 %.
      [at(7725), 'trade', 'partially_filled', 'limit', '60070', '0.004', '240.28', '0.048056', '0', 'true', ms(7705)],
      // 0.002 × 60,070 × 0.02 %
      [at(7825), 'trade', 'filled', 'limit', '60070', '0.002', '360.42', '0.024028', '0', 'true', ms(7805)],
      [at(7850), 'new', 'new', 'stop_market', '', '0', '0', '0', '0', 'false', ms(7830)],
      [at(7850), 'new', 'new', 'take_profit_market', '', '0', '0', '0', '0', 'false', ms(7830)],
      [at(8850), 'new', 'new', 'market', '', '0', '0', '0', '0', 'false', ms(8830)],
      // 0.006 × 60,080 = 360.48, of which 0.05 %; 0.006 × 10 gained.
      [at(8850), 'trade', 'filled', 'market', '60080', '0.006', '360.48', '0.18024', '0.06', 'false', ms(8830)],
      [at(8850), 'expired', 'expired', 'stop_market', '', '0', '0', '0', '0', 'false', ms(8830)],
      [at(8850), 'expired', 'expired', 'take_profit_market', '', '0', '0', '0', '0', 'false', ms(8830)],
    ]);
    // place → route → the venue's word → fill, each with the book before it.
    const life = rows(
      'orders.life',
      't_avail_us',
      'stage',
      'event',
      'cum_qty',
      'bid_px',
      'bid_qty',
      'ask_px',
      'ask_qty',
    );
    const book = ['60070', '5', '60070.1', '4'];
    expect(life.filter((l) => l[0]! < at(7851) && !['guardian', 'target'].includes(l[2]!))).toEqual([
      [at(7505), 'place', 'accepted', '0', ...book],
      [at(7505), 'route', 'maker', '0', ...book],
      [at(7630), 'report', 'new', '0', ...book],
      [at(7730), 'fill', 'trade', '0.004', ...book],
      [at(7830), 'fill', 'trade', '0.006', ...book],
    ]);
  });

  it('give the state of the book with each step of the execution [RL.5] [RL.6] [RL.7]', () => {
    const [entry] = rows(
      'orders.step',
      't_avail_us',
      'action',
      'spread_bp',
      'best_bid_qty',
      'best_ask_qty',
      'depth_5bp_agg',
      'left',
    );
    expect([entry![0], entry![1]]).toEqual([at(7505), 'PLACE_MAKER']);
    // 60,070.0 / 60,070.1, 5 and 4 BTC; within 5 bp of the mid lie bids of 3 × 5 and the ask of 4.
    expect(Number(entry![2])).toBeCloseTo((0.1 / 60070.05) * 10_000, 12);
    expect(entry!.slice(3)).toEqual(['5', '4', '19', '1']);
  });

  it('give the position and the money', () => {
    // 1,000,000 − 0.048056 − 0.024028 − 0.18024 + 0.06; margins are a twentieth of the cost.
    expect(rows('venue.account', 'wallet', 'position_qty', 'entry_quote', 'isolated_wallet')).toEqual([
      ['999999.951944', '0.004', '240.28', '12.014'],
      ['999999.927916', '0.006', '360.42', '18.021'],
      ['999999.807676', '0', '0', '0'],
    ]);
    expect(
      rows('positions.change', 't_avail_us', 'cause', 'qty_after', 'entry_quote', 'realized_total', 'fee_total'),
    ).toEqual([
      [at(7730), 'open', '0.004', '240.28', '0', '0.048056'],
      [at(7830), 'add', '0.006', '360.42', '0', '0.072084'],
      [at(8855), 'close', '0', '0', '0.06', '0.252324'],
    ]);
  });
});

it('tells the life of the entry by its order id, with the times', async () => {
  const store = openEmbeddedStore(join(dir, 'state'));
  const [id] = read('interpreted', 'orders.order', ['client_id'])[0]!;
  const [order, ...fills] = await store.query('order_life_cycle', { client_id: id! });
  const events = order!['events'] as { exec: string; t: number; cum_qty: number }[];
  expect(events.map((e) => [e.exec, String(e.t), e.cum_qty])).toEqual([
    ['sent', at(7505), 0],
    ['new', at(7630), 0],
    ['trade', at(7730), 0.004],
    ['trade', at(7830), 0.006],
  ]);
  expect(order).toMatchObject({ status: 'filled', cum_quote: 360.42, fee: 0.072084 });
  expect(fills.map((f) => [f['qty'], f['px'], f['fee'], f['liquidity']])).toEqual([
    [0.004, 60070, 0.048056, 'maker'],
    [0.002, 60070, 0.024028, 'maker'],
  ]);
  await store.close();
});
