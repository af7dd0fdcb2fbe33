import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { nextFloat, nextInt, seedRandom } from '../../graph/math/index.ts';
import { IntentLog } from '../../sinks/binance/intent-log.ts';
import { OrderLimiter, USDM_ORDERS } from '../../sinks/binance/order-limiter.ts';
import { Rest } from '../../sinks/binance/rest.ts';
import { DirectAccount, tradesDone, tradesTold } from '../../sinks/binance/testing/direct-account.ts';
import type { GatewayDriver } from '../../sinks/binance/testing/gateway-driver.ts';
import { Transfers } from '../../sinks/binance/transfer.ts';
import { createClient } from '../../sources/binance/client.ts';
import { loadScenario, type RunningVenue, startVenue } from '../../venue/server/index.ts';

let venue: RunningVenue | undefined;
let direct: DirectAccount;
let drivers: GatewayDriver[] = [];
let dir = '';
let times = new Map<number, number>();

async function start(options: Parameters<typeof startVenue>[0] = {}, config: Record<string, unknown> = {}) {
  times = new Map();
  dir = mkdtempSync(join(tmpdir(), 'chimera-gateway-'));
  venue = await startVenue({ seed: 3, symbols: ['BTCUSDT'], limits: 'none', ...options });
  direct = new DirectAccount(venue.ready);
  return open(config);
}
async function open(config: Record<string, unknown> = {}) {
  const driver = await direct.gateway(dir, times, config);
  drivers.push(driver);
  return driver;
}
afterEach(async () => {
  for (const d of drivers) await d.close();
  drivers = [];
  await venue?.close();
  venue = undefined;
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
});

describe('the order gateway against the venue, through ccxt', () => {
  it('places, fills, rests, cancels and refuses, and says what came of each', async () => {
    const d = await start();
    const px = Math.round((await direct.bid()) * 0.98 * d.keys.at(0).pxScale);
    d.send([
      { client_id: 'm1', side: 'buy', qty: 5 },
      { client_id: 'l1', side: 'buy', type: 'limit', px, qty: 5 },
      { client_id: 'bad', side: 'buy', type: 'limit', px, qty: 0 },
    ]);
    await d.until(() => d.said('m1').includes('trade/filled') && d.said('l1').length > 0 && d.said('bad').length > 0);
    d.send([
      { client_id: 's1', side: 'sell', type: 'stop_market', stop_px: px, close_position: true, working: 'mark' },
      { client_id: 'l1', action: 'cancel' },
      { client_id: 'never', action: 'cancel' },
    ]);
    await d.until(() => d.said('l1').length > 1 && d.said('s1').length > 0 && d.said('never').length > 0);
    d.send([{ client_id: 'm2', side: 'sell', qty: 5, reduce_only: true }]);
    await d.until(() => d.said('m2').includes('trade/filled') && d.said('s1').length > 1);
    expect({
      m1: d.said('m1'),
      l1: d.said('l1'),
      bad: d.said('bad'),
      s1: d.said('s1'),
      never: d.said('never'),
      m2: d.said('m2'),
    }).toEqual({
      m1: ['new/new', 'trade/filled'],
      l1: ['new/new', 'canceled/canceled'],
      bad: ['rejected -4003'],
      s1: ['new/new', 'expired/expired'],
      never: ['rejected -2011'],
      m2: ['new/new', 'trade/filled'],
    });
    // What the venue has booked is what was told: every fee and profit once, the wallet as it stands.
    const account = d.rows.filter((r) => r.port === 'account').map((r) => r.values as Record<string, number>);
    const sum = (f: string): number => account.reduce((n, v) => n + v[f]!, 0);
    expect(account.at(-1)!['wallet']).toBe(10_000 * 1e8 - sum('fee') + sum('realized_pnl') + sum('funding'));
    const position = d.rows.findLast((r) => r.port === 'position')!.values;
    expect([position['qty'], position['equity']]).toEqual([0, account.at(-1)!['wallet']]);
  });

  it('sends a command that comes again only once, also after a restart, and learns what happened meanwhile [S1.5]', async () => {
    const d = await start();
    d.send([{ client_id: 'a', side: 'buy', qty: 5 }], 7);
    await d.until(() => d.said('a').includes('trade/filled'));
    // The run went back to its last commit.
    d.run.rollback();
    d.send([{ client_id: 'a', side: 'buy', qty: 5 }], 7);
    d.round();
    expect(d.run.counts).toMatchObject({ commands: 1, repeated: 1 });
    await d.commit();
    d.send([{ client_id: 'b', side: 'buy', qty: 5 }], 8);
    // On disk and about to be sent, and the process dies.
    d.run.flush();
    await d.close();
    const again = await open();
    again.send([{ client_id: 'a', side: 'buy', qty: 5 }], 7);
    again.send([{ client_id: 'b', side: 'buy', qty: 5 }], 8);
    await again.until(() => again.said('b').length > 0 && again.run.courier.ledger.unknown === 0, 20_000);
    expect(again.run.counts).toMatchObject({ commands: 0, repeated: 2 });
    // Too old by then to be sent anew; had it arrived, its fill would be told.
    expect(again.said('a')).toEqual([]);
    const orders = await direct.list('/fapi/v1/allOrders');
    expect(orders.filter((o) => o['clientOrderId'] === 'a')).toHaveLength(1);
    const there = orders.some((o) => o['clientOrderId'] === 'b');
    expect(again.said('b')).toEqual(['unknown/new', ...(there ? ['new/new', 'trade/filled'] : ['rejected -1007'])]);
    again.run.rollback();
    expect(() => {
      again.send([{ client_id: 'other', side: 'buy', qty: 5 }], 7);
      again.round();
    }).toThrow(/command market#7/);
  });

  it('says that an outcome is open before it asks, and answers what the graph asks [S4.4]', async () => {
    const faults = [{ kind: 'timeout', accepted: false, nth: 1, match: { route: 'POST /fapi/v1/order' } }];
    const scenario = loadScenario(JSON.stringify({ chimera_faults: 1, faults }), 'faults.yaml');
    const d = await start(
      { faults: scenario },
      { timeout: '250ms', recv_window: '200ms', grace: '1s', settle: '100ms' },
    );
    const px = Math.round((await direct.bid()) * 0.98 * d.keys.at(0).pxScale);
    d.send([{ client_id: 'u1', side: 'buy', type: 'limit', px, qty: 5 }]);
    // Twice not found, once it could no longer be accepted: it is sent again.
    await d.until(() => d.said('u1').includes('new/new'));
    d.send([
      { client_id: 'u1', action: 'query' },
      { client_id: 'nobody', action: 'query' },
    ]);
    await d.until(() => d.said('u1').includes('status/new') && d.said('nobody').length > 0);
    d.send([{ client_id: 'u1', action: 'cancel' }]);
    await d.until(() => d.said('u1').includes('canceled/canceled'));
    d.send([{ client_id: 'u1', action: 'query' }]);
    await d.until(() => d.said('u1').includes('status/canceled'));
    expect(d.said('u1')).toEqual(['unknown/new', 'new/new', 'status/new', 'canceled/canceled', 'status/canceled']);
    expect(d.said('nobody')).toEqual(['rejected -2013']);
    expect((await direct.list('/fapi/v1/allOrders')).map((o) => o['clientOrderId'])).toEqual(['u1']);
  });

  it('tells of what the exchange does itself, and of what happened while the stream was cut', async () => {
    const scenario = loadScenario(
      JSON.stringify({
        chimera_faults: 1,
        faults: [
          { kind: 'liquidation', at: '3s', symbol: 'BTCUSDT' },
          { kind: 'disconnect', at: '2500ms', target: 'user' },
          { kind: 'listen_key_expiry', at: '1500ms' },
        ],
      }),
      'faults.yaml',
    );
    const d = await start({ faults: scenario });
    d.send([{ client_id: 'p', side: 'buy', qty: 20 }]);
    await d.until(() => d.said('p').includes('trade/filled'));
    await d.until(() => d.reports().some((v) => v['type'] === 'liquidation' && v['status'] === 'filled'), 20_000);
    const system = d.reports().filter((v) => v['type'] === 'liquidation');
    expect(system[0]!['client_id']).toMatch(/^autoclose-/);
    expect(d.run.stream.expired).toBe(1);
    expect(d.run.stream.connections).toBeGreaterThanOrEqual(3);
    await d.until(() => d.rows.findLast((r) => r.port === 'position')!.values['qty'] === 0);
    await agrees(d);
  });

  it('moves money between the wallets once, also when the answer is lost', async () => {
    const faults = [{ kind: 'unknown', nth: 1, match: { route: 'POST */asset/transfer' } }];
    await start({ faults: loadScenario(JSON.stringify({ chimera_faults: 1, faults }), 'faults.yaml') });
    const { ready } = venue!;
    const access = {
      kind: 'local' as const,
      usdm: ready.usdm,
      spot: ready.spot,
      apiKey: ready.api_key,
      secret: ready.secret,
    };
    const ex = await createClient('usdm', access);
    const rest = new Rest(ex, new OrderLimiter(USDM_ORDERS, 2_400), [ready.secret], Date.now);
    const log = IntentLog.open(join(dir, 'transfers'), Date.now);
    const transfers = new Transfers(rest, { log, now: Date.now, sleep: () => Promise.resolve(), acceptMs: 1_000 });
    const wallet = async (): Promise<string> => {
      const { assets } = (await direct.ask('/fapi/v3/account', {})) as { assets: Record<string, string>[] };
      return assets.find((a) => a['asset'] === 'USDT')!['walletBalance']!;
    };
    const before = Number(await wallet());
    const t = { id: 'first', asset: 'USDT', amount: '20.5', type: 'MAIN_UMFUTURE' as const };
    const done = await transfers.transfer(t);
    expect(done.state).toBe('done');
    expect(await transfers.transfer(t)).toEqual(done);
    expect(Number(await wallet()) - before).toBeCloseTo(20.5, 8);
    expect(await transfers.transfer({ ...t, id: 'second', amount: '1000000000' })).toMatchObject({ state: 'refused' });
    log.close();
  });

  it('never doubles or loses one of 200 orders when sends, cancels, queries and reports fail, and the process dies [S4.5] [S5.3]', async () => {
    const on = (route: string, ...faults: object[]): object[] => faults.map((f) => ({ ...f, match: { route } }));
    const faults = [
      ...['POST /fapi/v1/order', 'POST /fapi/v1/algoOrder'].flatMap((route) =>
        on(
          route,
          { kind: 'unknown', probability: 0.15 },
          { kind: 'unknown', answer: '-1007', probability: 0.15 },
          { kind: 'timeout', probability: 0.2 },
          { kind: 'timeout', accepted: false, probability: 0.2 },
          { kind: 'unavailable', answer: '-1008', probability: 0.15 },
          { kind: 'unavailable', probability: 0.1 },
          { kind: 'timestamp', probability: 0.3 },
        ),
      ),
      ...on('DELETE *', { kind: 'unknown', probability: 0.2 }, { kind: 'timeout', probability: 0.1 }),
      ...on('GET */order', { kind: 'not_found', probability: 0.15 }, { kind: 'unavailable', probability: 0.1 }),
      { kind: 'late_report', probability: 0.05, ms: 300 },
      { kind: 'duplicate_report', probability: 0.1 },
      { kind: 'lost_report', probability: 0.02 },
      { kind: 'disconnect', every: '2s', target: 'user' },
    ];
    const scenario = loadScenario(JSON.stringify({ chimera_faults: 1, seed: 11, faults }), 'faults.yaml');
    const config = { timeout: '200ms', recv_window: '400ms', grace: '1s', settle: '200ms', sweep: '1s', max_age: '2s' };
    let d = await start({ faults: scenario }, config);
    const r = seedRandom(5, 'gateway');
    const rows: typeof d.rows = [];
    const placed: string[] = [];
    let seq = 0;
    const over = (id: string): boolean =>
      rows.some(
        ({ port, values: v }) =>
          port === 'report' &&
          v['client_id'] === id &&
          v['code'] !== -2011 &&
          (v['status'] === 'filled' || ['canceled', 'expired', 'rejected'].includes(v['exec'] as string)),
      );
    for (let batch = 0; batch < 10; batch++) {
      d.onRow = (row) => rows.push(row);
      const px = Math.round((await direct.bid()) * 0.98 * d.keys.at(0).pxScale);
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) {
        const id = `b${batch}-${i}`;
        ids.push(id);
        const kind = nextInt(r, 3);
        const side = nextFloat(r) < 0.5 ? 'buy' : 'sell';
        const command =
          kind === 0
            ? { side: 'buy' as const, type: 'limit' as const, tif: 'gtx' as const, px }
            : kind === 1
              ? { side: 'sell' as const, type: 'stop_market' as const, stop_px: px, working: 'mark' as const }
              : { side: side as 'buy' | 'sell' };
        d.send([{ client_id: id, qty: 5, ...command }], seq++);
        if (kind < 2) d.send([{ action: 'cancel', client_id: id }], seq++);
      }
      placed.push(...ids);
      if (batch === 3 || batch === 7) {
        // The process dies in the middle of it, and starts again; what it had brought in was taken.
        const until = performance.now() + 150;
        await d.until(() => performance.now() > until);
        if (batch === 3) await d.commit();
        await d.close();
        d = await open(config);
        rows.push(...d.rows);
        d.onRow = (row) => rows.push(row);
      }
      await d.until(() => ids.every(over), 30_000);
      await d.commit();
    }
    venue!.server.injector.clear();
    await d.until(() => d.run.courier.ledger.unknown === 0);
    const orders = [...(await direct.list('/fapi/v1/allOrders')), ...(await direct.list('/fapi/v1/allAlgoOrders'))];
    const times = new Map<string, number>();
    for (const o of orders) {
      const id = String(o['clientOrderId'] ?? o['clientAlgoId']);
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    expect([...times].filter(([, n]) => n > 1)).toEqual([]);
    const rejected = new Set(
      rows
        .filter((x) => x.values['exec'] === 'rejected' && x.values['code'] !== -2011)
        .map((x) => x.values['client_id']),
    );
    expect(placed.filter((id) => times.has(id) && rejected.has(id))).toEqual([]);
    expect(placed.filter((id) => !times.has(id) && !rejected.has(id) && !over(id))).toEqual([]);
    await agrees(d, rows);
  }, 180_000);
});

/** Every trade that the venue has booked was told, as it was, and the positions agree. */
async function agrees(d: GatewayDriver, rows = d.rows): Promise<void> {
  const { pxDigits, qtyDigits, qtyScale } = d.keys.at(0);
  const told = tradesTold([rows], pxDigits, qtyDigits);
  expect(told.trades).toEqual(tradesDone(await direct.list('/fapi/v1/userTrades')));
  expect(told.position).toBe(Math.round(Number((await direct.position())?.['positionAmt'] ?? 0) * qtyScale));
}
