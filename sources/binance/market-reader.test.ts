import { afterEach, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { binanceMarket } from './market.ts';
import { MarketConfig } from './market-config.ts';
import { LiveRows } from './testing/live-rows.ts';
import { ScriptedExchange } from './testing/scripted-exchange.ts';

const FIRST = 5_000_000;
const QUICK = { reconnect_base_ms: 5, reconnect_max_ms: 50, stable_after_ms: 0, rest_weight_per_min: 1_000_000 };
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => FIRST + i);

let exchange: ScriptedExchange | undefined;
let live: LiveRows | undefined;
afterEach(async () => {
  await live?.close();
  await exchange?.close();
  live = undefined;
  exchange = undefined;
});
async function start(
  market: 'usdm' | 'spot',
  streams: string[],
  config: Record<string, unknown> = {},
): Promise<{ e: ScriptedExchange; l: LiveRows }> {
  exchange = await ScriptedExchange.start(market);
  live = await LiveRows.open(exchange.access, { market, streams, ...QUICK, ...config });
  return { e: exchange, l: live };
}

describe.each(['usdm', 'spot'] as const)('the %s market as it arrives', (market) => {
  it('gives every trade of a burst of 5,000 in one chunk, exactly and in order', async () => {
    const { e, l } = await start(market, ['trade']);
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(5000));
    await l.until(() => l.of('trade').length >= 5000);
    expect(l.ids()).toEqual(upTo(5000));
    const key = l.keys.find(`${market}:BTCUSDT`)!;
    expect(l.of('trade').map((r) => (r['px'] as number) / key.pxScale)).toEqual(e.trades.map((t) => Number(t.px)));
    expect(l.of('trade').map((r) => (r['qty'] as number) / key.qtyScale)).toEqual(e.trades.map((t) => Number(t.qty)));
    expect(l.rows.map((r) => r.t)).toEqual(l.rows.map((r) => r.t).toSorted((a, b) => a - b));
  });

  it('fills holes in the trade ids from REST before what comes behind them, none missing, none doubled', async () => {
    const { e, l } = await start(market, ['trade']);
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(10));
    e.makeTrades(2500); // never sent
    const late = e.makeTrades(5);
    e.raw('@trade', late[1]!, late[0]!, late[1]!, late[2]!, late[4]!, late[3]!);
    await l.until(() => l.of('trade').length >= 2515);
    expect(l.ids()).toEqual(upTo(2515));
    expect(l.reader.stats().trades).toMatchObject({ lost: 0, waiting: 0 });
    expect(l.reader.stats().trades.backfilled).toBeGreaterThanOrEqual(2500);
    expect(l.reader.stats().duplicates).toBeGreaterThanOrEqual(1);
  });

  it('goes on after 30 disconnects with every trade once and every book joined to a snapshot', async () => {
    const { e, l } = await start(market, ['trade', 'depth']);
    await e.subscribed('@trade');
    await e.subscribed('@depth');
    for (let round = 0; round < 30; round++) {
      e.raw('@trade', ...e.makeTrades(20));
      e.raw('@depth', ...e.makeDiffs(5));
      const had = e.accepted;
      e.cut();
      e.makeTrades(7);
      e.makeDiffs(3);
      await e.until(() => e.accepted >= had + 2);
      await e.subscribed('@trade');
      await e.subscribed('@depth');
    }
    e.raw('@trade', ...e.makeTrades(1));
    e.raw('@depth', ...e.makeDiffs(1));
    await l.until(
      () =>
        l.of('trade').at(-1)?.['id'] === e.trades.at(-1)!.id &&
        l.of('depth').at(-1)?.['u'] === e.u &&
        l.reader.stats().books.waiting === 0,
    );
    // The first frames of a connection may be lost with it, but never a trade behind the first one seen.
    const ids = l.ids();
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => ids[0]! + i));
    expect(ids.at(-1)).toBe(e.trades.at(-1)!.id);
    expect(l.reader.stats().trades.lost).toBe(0);
    expect(l.reader.stats().streams.trade!.reconnects).toBe(30);
    expectJoined(l, market, e.u);
  });

  it('asks for another snapshot while the ones it gets are older than the diffs', async () => {
    const { e, l } = await start(market, ['depth']);
    await e.subscribed('@depth');
    e.makeDiffs(10);
    e.depthBehind = 5;
    e.raw('@depth', ...e.makeDiffs(1));
    await e.until(() => e.requests.filter((r) => r.includes('/depth')).length >= 3);
    e.depthBehind = 0;
    await l.until(() => l.of('depth_snapshot').length === 1);
    expect(l.reader.stats().books.too_old).toBeGreaterThanOrEqual(2);
    expectJoined(l, market, e.u);
  });

  it('takes a new snapshot after a lost diff and passes the diffs on as they are', async () => {
    const { e, l } = await start(market, ['depth']);
    await e.subscribed('@depth');
    e.raw('@depth', ...e.makeDiffs(3));
    await l.until(() => l.of('depth_snapshot').length === 1);
    const [, second, ...others] = e.makeDiffs(6);
    e.raw('@depth', second!, second!, ...others);
    await l.until(() => l.of('depth_snapshot').length === 2);
    expect(l.of('depth').length).toBe(8);
    expect(l.reader.stats().books.gaps).toBe(1);
    expect(l.reader.stats().duplicates).toBe(1);
    expectJoined(l, market, e.u);
  });

  it('asks for the book of a silent market by itself', async () => {
    const { e, l } = await start(market, ['depth'], { heartbeat_ms: 800 });
    await e.subscribed('@depth');
    await l.until(() => l.of('depth_snapshot').length === 1);
    expect(l.of('depth').length).toBe(0);
    e.raw('@depth', ...e.makeDiffs(2));
    await l.until(() => l.of('depth').length === 2);
    expect(l.reader.stats().books).toMatchObject({ snapshots: 1, waiting: 0 });
  });

  it('tells what a full ring lost, fetches the trades and resynchronises the book', async () => {
    const { e, l } = await start(market, ['trade', 'depth', 'book_ticker'], { ring_rows: 1024 });
    await Promise.all(['@trade', '@depth', '@bookTicker'].map((s) => e.subscribed(s)));
    e.raw('@depth', ...e.makeDiffs(1));
    await l.until(() => l.of('depth_snapshot').length === 1);
    e.raw('@trade', ...e.makeTrades(3000));
    e.raw('@depth', ...e.makeDiffs(40));
    e.raw('@bookTicker', ...Array.from({ length: 40 }, (_, i) => e.ticker(100 + i)));
    await e.until(() => e.requests.some((r) => r.includes('historicalTrades')) || l.reader.stats().ring.lost >= 80);
    while (l.reader.stats().ring.lost < 80) await new Promise((resolve) => setImmediate(resolve));
    await l.until(() => l.of('trade').length >= 3000);
    e.raw('@depth', ...e.makeDiffs(1));
    await l.until(() => l.of('depth_snapshot').length === 2 && l.of('dead_letter').length > 0);
    expect(l.ids()).toEqual(upTo(3000));
    expect(l.of('dead_letter')[0]).toMatchObject({ code: 'CHM935', message: expect.stringContaining('book_ticker') });
    expectJoined(l, market, e.u);
  });

  it('reconnects when nothing is heard, and when a busy stream is silent', async () => {
    const { e, l } = await start(market, ['book_ticker'], { silence_ms: 150 });
    await e.subscribed('@bookTicker');
    e.raw('@bookTicker', e.ticker(1));
    await e.until(() => e.accepted >= 2);
    await e.subscribed('@bookTicker');
    e.raw('@bookTicker', e.ticker(2));
    await l.until(() => l.of('book_ticker').length === 2);
    expect(l.reader.stats().faults.CHM939!.last).toContain('no data');
  });

  it('replaces a connection that the exchange will shut down, with every event once', async () => {
    const { e, l } = await start(market, ['trade', 'book_ticker'], { heartbeat_ms: 300 });
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(5), '{"e":"serverShutdown","E":1760000000000}');
    await e.until(() => e.accepted >= 3);
    let u = 0;
    const more = (): void => {
      e.raw('@trade', ...e.makeTrades(3));
      e.raw('@bookTicker', e.ticker(++u));
    };
    await l.until(() => {
      more();
      return l.reader.stats().streams.trade!.opens === 2 && l.of('trade').length > 400;
    });
    await l.until(() => l.ids().at(-1) === e.trades.at(-1)!.id);
    expect(l.ids()).toEqual(upTo(e.trades.length));
    expect(l.reader.stats().streams.trade!.reconnects).toBe(0);
  });
});

describe('the USD-M market as it arrives', () => {
  it('gives mark prices exactly, and the funding rate at the start and at each settlement', async () => {
    const { e, l } = await start('usdm', ['mark_price', 'funding_rate']);
    await e.subscribed('@markPrice');
    await l.until(() => l.of('funding_rate').length === 1);
    const settles = 1_760_000_000_000 + 14_400_000;
    e.raw('@markPrice', e.mark(settles - 1000, settles));
    e.funding.push({ fundingRate: '-0.00020000', fundingTime: settles + 7 });
    e.raw('@markPrice', e.mark(settles, settles + 14_400_000));
    await l.until(() => l.of('funding_rate').length === 2);
    expect(l.of('mark_price')[0]).toMatchObject({
      mark_px: 6_000_012_345_678,
      index_px: 6_000_010_000_000,
      rate: 0.0001,
      next_funding_ms: settles,
    });
    expect(l.of('funding_rate')[1]).toMatchObject({ rate: -0.0002, interval_h: 4, time_ms: settles + 7 });
  });

  it('gives up trades that REST does not have and says so', async () => {
    const { e, l } = await start('usdm', ['trade']);
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(3));
    e.makeTrades(3);
    for (const id of [FIRST + 3, FIRST + 4]) e.hidden.add(id);
    e.raw('@trade', ...e.makeTrades(2));
    await l.until(() => l.of('trade').length === 6 && l.of('dead_letter').length === 1);
    expect(l.ids()).toEqual([0, 1, 2, 5, 6, 7].map((i) => FIRST + i));
    expect(l.reader.stats().trades.lost).toBe(2);
    expect(l.of('dead_letter')[0]).toMatchObject({ code: 'CHM937' });
  });

  it('waits for REST no longer than it was told to', async () => {
    const { e, l } = await start('usdm', ['trade'], { backfill_wait_ms: 150 });
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(3));
    e.rest.push({ path: 'historicalTrades', status: 503, body: { code: -1, msg: 'down' }, times: 1e9 });
    e.makeTrades(3);
    e.raw('@trade', ...e.makeTrades(2));
    await l.until(() => l.of('trade').length === 5);
    expect(l.reader.stats().trades.lost).toBe(3);
    expect(l.reader.stats().faults.CHM937!.last).toContain('ExchangeError');
  });

  it('keeps frames that are no events as dead letters', async () => {
    const { e, l } = await start('usdm', ['trade']);
    await e.subscribed('@trade');
    const [a, b] = e.makeTrades(2);
    e.raw('@trade', a!, 'nonsense', '{"e":"trade","s":"BTCUSDT"}', b!.replace(/"p":"[^"]*"/, '"p":"9e15"'));
    await l.until(() => l.of('dead_letter').length === 3);
    expect(l.of('dead_letter').map((r) => r['code'])).toEqual(['CHM650', 'CHM654', 'CHM658']);
    expect(l.of('dead_letter')[0]!['raw']).toBe('nonsense');
    expect(l.reader.quality.bad_input.length).toBe(3);
  });

  it('makes amounts fit that are finer than the rules, and says so', async () => {
    const { e, l } = await start('usdm', ['trade', 'depth']);
    await Promise.all([e.subscribed('@trade'), e.subscribed('@depth')]);
    const [a, b] = e.makeTrades(2);
    e.raw('@trade', a!.replace(/"q":"[^"]*"/, '"q":"0.0000009"'), b!.replace(/"p":"[^"]*"/, '"p":"60000.12345"'));
    const [diff] = e.makeDiffs(1);
    const levels = '"b":[["60000.1","1.2345678"],["59999.999","3"],["59000","0.0001"],["58000.00","0"]]';
    e.raw('@depth', diff!.replace(/"b":\[\[.*?\]\]/, levels));
    await l.until(() => l.of('depth').length === 1 && l.of('trade').length === 2 && l.of('dead_letter').length === 1);
    expect(l.of('trade').map((r) => [r['px'], r['qty']])).toEqual([
      [Number(e.trades[0]!.px) * 100, 1],
      [6_000_012, Math.round(Number(e.trades[1]!.qty) * 1000)],
    ]);
    expect(l.of('depth')[0]).toMatchObject({
      bid_px: [6_000_010, 5_900_000, 5_800_000],
      bid_qty: [1235, 1, 0],
      ask_px: [6_000_020],
      ask_qty: [1250],
    });
    expect(l.reader.stats().faults.CHM943!.count).toBe(3);
  });

  it('says that a subscription was refused, and tries it again', async () => {
    const { e, l } = await start('usdm', ['liquidation', 'trade']);
    await e.subscribed('@trade');
    e.refuse = '@forceOrder';
    e.cut('@forceOrder');
    await l.until(() => (l.reader.stats().faults.CHM940?.count ?? 0) >= 2);
    e.refuse = '';
    await e.subscribed('@forceOrder');
    e.raw(
      '@forceOrder',
      '{"e":"forceOrder","E":1760000000000,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"59910.10","ap":"59990.123","X":"FILLED","l":"0.014","z":"0.014","T":1760000000000}}',
    );
    await l.until(() => l.of('liquidation').length === 1);
    expect(l.of('liquidation')[0]).toMatchObject({ side: 1, px: 5_991_010, avg_px: 5_999_012, qty: 14 });
  });

  it('measures the clock offset and the lag of the engine', async () => {
    const { l } = await start('usdm', ['trade']);
    await l.until(() => l.reader.stats().clock !== null && l.of('engine_lag').length >= 2);
    expect(Math.abs(l.reader.stats().clock!.offset_ms)).toBeLessThan(1000);
    const [a, b] = l.of('engine_lag');
    expect(b!.t - a!.t).toBeGreaterThanOrEqual(1_000_000);
  });
});

/** Whether a book that follows the exchange's rules over these rows is live at the end. */
function expectJoined(l: LiveRows, market: 'usdm' | 'spot', u: number): void {
  const diffs = l.of('depth');
  const L = l.of('depth_snapshot').at(-1)!['u'] as number;
  let last = Number.NaN;
  for (const d of diffs) {
    const [first, end, pu] = [d['first_u'] as number, d['u'] as number, d['pu'] as number];
    const before = market === 'usdm' ? pu : first - 1;
    if (market === 'usdm' ? end < L : end <= L) continue;
    if (Number.isNaN(last)) expect(before).toBeLessThanOrEqual(L);
    else expect(before).toBe(last);
    last = end;
  }
  expect(Number.isNaN(last) ? L : last).toBe(u);
}

describe('the start and the end of a market source', () => {
  it('says what is wrong when the exchange cannot be reached, a symbol is unknown, or the run is not live', async () => {
    const e = await ScriptedExchange.start('usdm');
    const { access } = e;
    await expect(LiveRows.open(access, { symbols: ['BTCUSD'] })).rejects.toMatchObject({
      code: 'CHM933',
      help: 'did you mean BTCUSDT?',
    });
    await e.close();
    await expect(LiveRows.open(access, {})).rejects.toMatchObject({ code: 'CHM932' });
    const config = MarketConfig.parse({ symbols: ['BTCUSDT'] });
    const env = { keys: new KeyTable(), inputs: [], dir: undefined, pipeline: 'p', node: 'market', seed: 1 };
    await expect(binanceMarket.open(config, { ...env, access: { binance: access } })).rejects.toMatchObject({
      code: 'CHM931',
    });
    await expect(binanceMarket.open(config, env)).rejects.toMatchObject({ code: 'CHM930' });
  });

  it('ends at any moment and leaves no connection behind', async () => {
    for (const moment of ['dialling', 'subscribed', 'reconnecting', 'filling'] as const) {
      const { e, l } = await start('usdm', ['trade', 'depth', 'book_ticker', 'mark_price'], {
        backfill_wait_ms: 60_000,
      });
      if (moment !== 'dialling') await e.subscribed('@trade');
      if (moment === 'reconnecting') e.cut();
      if (moment === 'filling') {
        e.rest.push({ path: 'historicalTrades', status: 500, body: { code: -1, msg: 'no' }, times: 1e9 });
        e.raw('@trade', ...e.makeTrades(1), e.makeTrades(2)[1]!);
        await l.until(() => l.reader.stats().trades.waiting === 1);
      }
      const began = performance.now();
      await l.close();
      expect(performance.now() - began, moment).toBeLessThan(2000);
      await e.until(() => e.lines === 0);
      await e.close();
    }
  });
});
