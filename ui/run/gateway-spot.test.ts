import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayDriver } from '../../sinks/binance/testing/gateway-driver.ts';
import { loadScenario, type RunningVenue, startVenue } from '../../venue/server/index.ts';

type Row = Readonly<Record<string, string | number>>;

let venue: RunningVenue | undefined;
let drivers: GatewayDriver[] = [];
let dir = '';
let times = new Map<number, number>();

async function start(options: Parameters<typeof startVenue>[0] = {}, config: Record<string, unknown> = {}) {
  times = new Map();
  dir = mkdtempSync(join(tmpdir(), 'chimera-spot-'));
  venue = await startVenue({ seed: 3, symbols: ['BTCUSDT'], limits: 'none', ...options });
  return open(config);
}
async function open(config: Record<string, unknown> = {}): Promise<GatewayDriver> {
  const { spot, api_key: apiKey, secret } = venue!.ready;
  const d = await GatewayDriver.open({
    dir,
    times,
    market: 'spot',
    access: { kind: 'local', spot, apiKey, secret },
    config,
    instruments: [['spot:BTCUSDT', 2, 5]],
  });
  drivers.push(d);
  await d.until(() => d.rows.some((r) => r.port === 'account'));
  return d;
}
afterEach(async () => {
  for (const d of drivers) await d.close();
  drivers = [];
  await venue?.close();
  venue = undefined;
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
});

/** Asks the venue past the gateway; a fault that hits is asked again. */
async function ask(path: string, params?: Row, method = 'GET'): Promise<unknown> {
  const { spot, api_key, secret } = venue!.ready;
  for (let i = 0; ; i++) {
    let url = `${spot.rest}${path}`;
    if (params) {
      const all = Object.entries({ ...params, timestamp: Date.now() });
      const query = new URLSearchParams(all.map(([k, v]): [string, string] => [k, String(v)])).toString();
      url += `?${query}&signature=${createHmac('sha256', secret).update(query).digest('hex')}`;
    }
    const answer = await fetch(url, { method, headers: { 'X-MBX-APIKEY': api_key } });
    if (answer.ok || i === 20) return answer.json();
  }
}
const orders = async (): Promise<Row[]> =>
  (await ask('/api/v3/allOrders', { symbol: 'BTCUSDT', limit: 1000 })) as Row[];
const ticker = async (): Promise<Row> => (await ask('/api/v3/ticker/bookTicker?symbol=BTCUSDT')) as Row;
async function balance(asset: string): Promise<number> {
  const { balances } = (await ask('/api/v3/account', {})) as { balances: Row[] };
  const b = balances.find((x) => x['asset'] === asset);
  return Math.round((Number(b?.['free'] ?? 0) + Number(b?.['locked'] ?? 0)) * 1e8);
}
const accounts = (d: GatewayDriver) =>
  d.rows.filter((r) => r.port === 'account').map((r) => r.values as Record<string, number>);
const last = (d: GatewayDriver, port: string) =>
  d.rows.findLast((r) => r.port === port)!.values as Record<string, number>;

describe('the Spot gateway against the venue, through ccxt', () => {
  it('buys, sells all that is left after the fee, rests, cancels and refuses, and books what the venue has booked', async () => {
    const d = await start();
    const px = Math.round(Number((await ticker())['bidPrice']) * 0.95 * 100);
    const high = Math.round(Number((await ticker())['askPrice']) * 1.05 * 100);
    d.send([
      { client_id: 'buy', side: 'buy', qty: 150 },
      { client_id: 'rest', side: 'buy', type: 'limit', tif: 'gtc', px, qty: 150 },
      { client_id: 'maker', side: 'buy', type: 'limit', tif: 'gtx', px: high, qty: 150 },
      { client_id: 'cover', side: 'buy', reduce_only: true, qty: 150 },
      { client_id: 'small', side: 'buy', type: 'limit', tif: 'gtc', px, qty: 0 },
    ]);
    await d.until(
      () =>
        d.said('buy').includes('trade/filled') &&
        ['rest', 'maker', 'cover', 'small'].every((id) => d.said(id).length > 0) &&
        last(d, 'position')['qty']! > 0,
    );
    // 0.1 % of the purchase is taken in BTC: 149 whole steps and a rest.
    expect(last(d, 'position')['qty']).toBe(149);
    expect(await balance('BTC')).toBe(149_850);
    const bought = accounts(d).at(-1)!;
    expect(bought).toMatchObject({ position_qty: 149, isolated_wallet: 0 });
    expect(bought['wallet']).toBe(await balance('USDT'));
    const fills = d.reports('buy').filter((v) => v['exec'] === 'trade') as Record<string, number>[];
    const paid = fills.reduce((n, v) => n + v['last_px']! * v['last_qty']! * 10, 0);
    // The whole price was paid; a tenth of a percent of it is the fee.
    expect(bought['wallet']).toBe(10_000 * 1e8 - paid);
    expect(fills.map((v) => v['fee'])).toEqual(
      fills.map((v) => Math.round((v['last_px']! * v['last_qty']! * 10) / 1000)),
    );

    d.send([
      { client_id: 'rest', action: 'cancel' },
      { client_id: 'never', action: 'cancel' },
    ]);
    await d.until(() => d.said('rest').length > 1 && d.said('never').length > 0);
    // A stop holds all there is: another exit finds nothing free until it is gone.
    d.send([{ client_id: 'stop', side: 'sell', type: 'stop_market', stop_px: px, close_position: true }]);
    await d.until(() => d.said('stop').length > 0);
    d.send([{ client_id: 'exit1', side: 'sell', reduce_only: true, qty: 150 }]);
    await d.until(() => d.said('exit1').length > 0);
    d.send([
      { client_id: 'stop', action: 'cancel' },
      { client_id: 'exit2', side: 'sell', close_position: true },
    ]);
    await d.until(() => d.said('exit2').includes('trade/filled') && last(d, 'position')['qty'] === 0);
    d.send([{ client_id: 'exit3', side: 'sell', reduce_only: true, qty: 1 }]);
    await d.until(() => d.said('exit3').length > 0);
    const ids = ['buy', 'rest', 'maker', 'cover', 'small', 'never', 'stop', 'exit1', 'exit2', 'exit3'];
    const filled = d.said('exit2').filter((x) => x !== 'trade/partially_filled');
    expect(Object.fromEntries(ids.map((id) => [id, id === 'exit2' || id === 'buy' ? [] : d.said(id)]))).toEqual({
      buy: [],
      rest: ['new/new', 'canceled/canceled'],
      maker: ['rejected -2010'],
      cover: ['rejected -2022'],
      small: ['rejected -1013'],
      never: ['rejected -2011'],
      stop: ['new/new', 'canceled/canceled'],
      exit1: ['rejected -2010'],
      exit2: [],
      exit3: ['rejected -2022'],
    });
    expect(filled).toEqual(['new/new', 'trade/filled']);
    expect(await balance('BTC')).toBe(850);
    const rows = accounts(d);
    const sum = (f: string): number => rows.reduce((n, v) => n + v[f]!, 0);
    expect(rows.at(-1)).toMatchObject({ position_qty: 0, entry_quote: 0, wallet: await balance('USDT') });
    // What is left is the cost of 0.85 steps, which no position shows.
    const rest = 10_000 * 1e8 - sum('fee') + sum('realized_pnl') - rows.at(-1)!['wallet']!;
    expect(Math.abs(rest - (paid / 150) * 0.85)).toBeLessThanOrEqual(2 * fills.length + 1);
  });

  it('sends a command once, also after a restart, and goes on with what it held', async () => {
    const d = await start();
    d.send([{ client_id: 'a', side: 'buy', qty: 150 }], 7);
    await d.until(() => d.said('a').includes('trade/filled') && last(d, 'position')['qty'] === 149);
    d.round();
    await d.commit();
    d.send([{ client_id: 'b', side: 'buy', qty: 150 }], 8);
    // On disk and about to be sent, and the process dies.
    d.run.flush();
    await d.close();
    const again = await open();
    again.send([{ client_id: 'a', side: 'buy', qty: 150 }], 7);
    again.send([{ client_id: 'b', side: 'buy', qty: 150 }], 8);
    await again.until(() => again.said('b').length > 0 && again.run.courier.ledger.unknown === 0, 20_000);
    expect(again.run.counts).toMatchObject({ commands: 0, repeated: 2 });
    expect(again.said('a')).toEqual([]);
    const placed = (await orders()).map((o) => o['clientOrderId']);
    expect(placed.filter((id) => id === 'a')).toHaveLength(1);
    const twice = placed.includes('b');
    expect(again.said('b')).toEqual(['unknown/new', ...(twice ? ['new/new', 'trade/filled'] : ['rejected -1007'])]);
    await again.until(() => last(again, 'position')['qty'] === (twice ? 299 : 149));
  });

  it('sends a stop and a target as one list: cancelling one ends both, and they hold the asset once [S4.8]', async () => {
    const d = await start();
    d.send([{ client_id: 'buy', side: 'buy', qty: 150 }]);
    await d.until(() => d.said('buy').includes('trade/filled') && last(d, 'position')['qty'] === 149);
    const px = Math.round(Number((await ticker())['bidPrice']) * 100);
    const leg = { side: 'sell', close_position: true } as const;
    d.send([
      { ...leg, client_id: 's1', type: 'stop_market', stop_px: Math.round(px * 0.9) },
      { ...leg, client_id: 't1', type: 'take_profit_market', stop_px: Math.round(px * 1.1) },
    ]);
    await d.until(() => d.said('s1').length > 0 && d.said('t1').length > 0);
    const lists = (await ask('/api/v3/openOrderList', {})) as unknown as { contingencyType: string; orders: Row[] }[];
    expect(lists.map((l) => [l.contingencyType, l.orders.map((o) => o['clientOrderId']).sort()])).toEqual([
      ['OCO', ['s1', 't1']],
    ]);
    // The graph asks how they stand.
    d.send([
      { client_id: 's1', action: 'query' },
      { client_id: 'nobody', action: 'query' },
    ]);
    await d.until(() => d.said('s1').length > 1 && d.said('nobody').length > 0);
    d.send([{ client_id: 't1', action: 'cancel' }]);
    await d.until(() => d.said('t1').includes('canceled/canceled') && d.said('s1').includes('canceled/canceled'));
    // The price is beyond the stop already: the exchange refuses both.
    d.send([
      { ...leg, client_id: 's2', type: 'stop_market', stop_px: Math.round(px * 1.05) },
      { ...leg, client_id: 't2', type: 'take_profit_market', stop_px: Math.round(px * 1.1) },
    ]);
    await d.until(() => d.said('s2').length > 0 && d.said('t2').length > 0);
    expect(['s1', 't1', 's2', 't2', 'nobody'].map((id) => d.said(id))).toEqual([
      ['new/new', 'status/new', 'canceled/canceled'],
      ['new/new', 'canceled/canceled'],
      ['rejected -2010'],
      ['rejected -2010'],
      ['rejected -2013'],
    ]);
  });

  it('asks for an order whose answer was lost before anything is sent again, and opens a stream that was ended anew', async () => {
    const faults = [
      { kind: 'unknown', nth: 1, match: { route: 'POST /api/v3/order' } },
      { kind: 'disconnect', at: '1500ms', target: 'user' },
    ];
    const scenario = loadScenario(JSON.stringify({ chimera_faults: 1, faults }), 'faults.yaml');
    const d = await start({ faults: scenario });
    d.send([{ client_id: 'lost', side: 'buy', qty: 150 }]);
    await d.until(() => d.said('lost').includes('trade/filled'));
    expect((await orders()).map((o) => o['clientOrderId'])).toEqual(['lost']);
    await d.until(() => d.run.stream.connections >= 2 && d.run.stream.connected, 10_000);
    d.send([{ client_id: 'out', side: 'sell', close_position: true }]);
    await d.until(() => d.said('out').includes('trade/filled') && last(d, 'position')['qty'] === 0);
    expect(d.run.courier.ledger.unknown).toBe(0);
    expect(last(d, 'account')['wallet']).toBe(await balance('USDT'));
  });

  it('never doubles or loses an order, and holds what was bought, when sends, cancels and reports fail', async () => {
    const on = (route: string, ...faults: object[]): object[] => faults.map((f) => ({ ...f, match: { route } }));
    const faults = [
      ...on(
        'POST /api/v3/order',
        { kind: 'unknown', probability: 0.15 },
        { kind: 'timeout', probability: 0.15 },
        { kind: 'timeout', accepted: false, probability: 0.15 },
        { kind: 'unavailable', answer: '-1008', probability: 0.1 },
        { kind: 'timestamp', probability: 0.1 },
      ),
      ...on('DELETE *', { kind: 'unknown', probability: 0.2 }),
      ...on('GET */order', { kind: 'not_found', probability: 0.15 }),
      { kind: 'late_report', probability: 0.05, ms: 200 },
      { kind: 'duplicate_report', probability: 0.1 },
      { kind: 'lost_report', probability: 0.02 },
      { kind: 'disconnect', every: '2s', target: 'user' },
    ];
    const scenario = loadScenario(JSON.stringify({ chimera_faults: 1, seed: 11, faults }), 'faults.yaml');
    const config = { timeout: '200ms', recv_window: '400ms', grace: '1s', settle: '200ms', sweep: '1s', max_age: '2s' };
    const d = await start({ faults: scenario }, config);
    const px = Math.round(Number((await ticker())['bidPrice']) * 0.95 * 100);
    const over = (id: string): boolean =>
      d
        .reports(id)
        .some(
          (v) =>
            v['status'] === 'filled' || (v['code'] !== -2011 && ['canceled', 'rejected'].includes(v['exec'] as string)),
        );
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) {
      const id = `f${i}`;
      ids.push(id);
      if (i % 4 === 3) {
        d.send([{ client_id: id, side: 'buy', type: 'limit', tif: 'gtx', px, qty: 100 }]);
        await d.until(() => d.said(id).length > 0);
        d.send([{ client_id: id, action: 'cancel' }]);
      } else d.send([{ client_id: id, side: i % 4 === 2 ? 'sell' : 'buy', qty: 100, reduce_only: i % 8 === 2 }]);
      if (i % 10 === 9) await d.until(() => ids.every(over), 20_000);
    }
    const fired = venue!.server.injector.counts().map((f) => [f.kind, f.fired] as const);
    for (const kind of ['unknown', 'timeout', 'unavailable', 'duplicate_report'])
      expect([kind, fired.some(([k, n]) => k === kind && n > 0)]).toEqual([kind, true]);
    venue!.server.injector.clear();
    await d.until(() => d.run.courier.ledger.unknown === 0);
    const there = await orders();
    const names = there.map((o) => o['clientOrderId']);
    expect(names.length).toBe(new Set(names).size);
    const refused = d.reports().filter((v) => v['exec'] === 'rejected' && v['code'] !== -2011);
    expect(refused.filter((v) => names.includes(v['client_id']!))).toEqual([]);
    const trades = (await ask('/api/v3/myTrades', { symbol: 'BTCUSDT', limit: 1000 })) as Row[];
    const told = d.reports().filter((v) => v['exec'] === 'trade');
    expect(told.map((v) => v['trade_id'])).toEqual(trades.map((t) => t['id']));
    const btc = await balance('BTC');
    const wallet = await balance('USDT');
    await d.until(() => last(d, 'account')['wallet'] === wallet);
    expect(last(d, 'position')['qty']).toBe(Math.floor(btc / 1000));
    expect(there.length).toBeGreaterThan(10);
  }, 60_000);
});
