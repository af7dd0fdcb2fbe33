import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { startVenue } from './index.ts';
import type { RunningVenue } from './start.ts';
import { ask, Ear, raw } from './testing-double.ts';
import { sign } from './transport/security.ts';

let venue: RunningVenue | undefined;
afterEach(async () => {
  await venue?.close();
  venue = undefined;
});
const base = (o: { rest: string }) => o.rest.replace('http', 'ws');
const call = (
  v: RunningVenue,
  market: 'usdm' | 'spot',
  method: string,
  path: string,
  params: Record<string, string>,
) => {
  const query = new URLSearchParams({ ...params, timestamp: String(Date.now()) }).toString();
  const url = `${v.ready[market].rest}${path}?${query}&signature=${sign(v.ready.secret, query)}`;
  return ask(url, { method, headers: { 'X-MBX-APIKEY': v.ready.api_key } });
};

describe('a venue that is started', () => {
  it('says where it is and who may trade, and holds 10,000 USDT in each wallet', async () => {
    venue = await startVenue({ seed: 4, hold: true });
    expect(venue.ready).toEqual({
      ready: true,
      usdm: {
        rest: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        ws: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/),
      },
      spot: { rest: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), ws: expect.stringContaining('/stream/ws') },
      api_key: expect.stringMatching(/^[A-Za-z0-9]{64}$/),
      secret: expect.stringMatching(/^[A-Za-z0-9]{64}$/),
      market_us: expect.any(Number),
      rate: 1,
    });
    const usdm = (await call(venue, 'usdm', 'GET', '/fapi/v3/account', {})).body;
    expect(Number(usdm['totalWalletBalance'])).toBe(10_000);
    const spot = (await call(venue, 'spot', 'GET', '/api/v3/account', {})).body;
    expect(spot['balances']).toContainEqual(
      expect.objectContaining({ asset: 'USDT', free: expect.stringMatching(/^10000/) }),
    );
    const move = { type: 'MAIN_UMFUTURE', asset: 'USDT', amount: '1234.5' };
    expect((await call(venue, 'spot', 'POST', '/sapi/v1/asset/transfer', move)).status).toBe(200);
    const after = (await call(venue, 'usdm', 'GET', '/fapi/v3/account', {})).body;
    expect(Number(after['totalWalletBalance'])).toBe(11_234.5);
  });

  it('trades on both markets: an order is answered and reported on the user stream', async () => {
    venue = await startVenue({ seed: 4, rate: 20 });
    const { ready } = venue;
    const { listenKey } = (
      await ask(`${ready.usdm.rest}/fapi/v1/listenKey`, { method: 'POST', headers: { 'X-MBX-APIKEY': ready.api_key } })
    ).body as { listenKey: string };
    const user = await Ear.open(`${base(ready.usdm)}/private/ws?listenKey=${listenKey}`);
    const api = await Ear.open(`${base(ready.spot)}/ws-api/v3?returnRateLimits=false`);
    const auth = { apiKey: ready.api_key, timestamp: Date.now() };
    const signature = sign(ready.secret, `apiKey=${auth.apiKey}&timestamp=${auth.timestamp}`);
    api.send({ id: 1, method: 'userDataStream.subscribe.signature', params: { ...auth, signature } });
    await api.until(1);
    const book = async (path: string) => ((await ask(`${ready.usdm.rest}${path}`)).body['bids'] as unknown[]).length;
    while ((await book('/fapi/v1/depth?symbol=BTCUSDT&limit=5')) === 0);
    const order = { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.01' };
    const usdm = await call(venue, 'usdm', 'POST', '/fapi/v1/order', { ...order, newOrderRespType: 'RESULT' });
    expect(usdm.body).toMatchObject({ status: 'FILLED', executedQty: '0.010' });
    expect(usdm.headers.get('X-MBX-ORDER-COUNT-10S')).toBe('1');
    const spot = await call(venue, 'spot', 'POST', '/api/v3/order', order);
    expect(spot.body).toMatchObject({ status: 'FILLED' });
    const types = (await user.until(2)).map((e) => (e as { e: string }).e);
    expect(types).toContain('ORDER_TRADE_UPDATE');
    const events = (await api.until(3)).slice(1) as { subscriptionId: number; event: { e: string } }[];
    expect(events.map((e) => [e.subscriptionId, e.event.e])).toContainEqual([0, 'executionReport']);
    for (const ear of [user, api]) ear.ws.terminate();
  });

  it('refuses options that make no sense', async () => {
    for (const o of [{ rate: 0 }, { rate: Number.NaN }, { balanceUsdt: -1 }, { apiKey: 'with space' }, { secret: '' }])
      await expect(startVenue(o)).rejects.toMatchObject({ code: 'CHM834' });
    await expect(startVenue({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'CHM830' });
    await expect(startVenue({ inputs: ['nowhere.gz'] })).rejects.toMatchObject({
      code: expect.stringMatching(/^CHM6/),
    });
  });

  it('answers whatever is thrown at it with the exchange’s shape, and goes on', async () => {
    venue = await startVenue({ seed: 4, limits: 'none' });
    const { ready } = venue;
    const paths = [
      '/fapi/v1/depth',
      '/fapi/v1/order',
      '/fapi/v1/klines',
      '/fapi/v1/algoOrder',
      '/fapi/v3/account',
      '/sapi/v1/asset/transfer',
      '/api/v3/order',
    ];
    const names = [
      'symbol',
      'limit',
      'interval',
      'startTime',
      'side',
      'type',
      'quantity',
      'price',
      'amount',
      'timestamp',
      'recvWindow',
      'x',
    ];
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('BTCUSDT', '-1', '1e999', '0', '99999999999999999999', 'null', '__proto__'),
    );
    const request = fc.record({
      market: fc.constantFrom('usdm' as const, 'spot' as const),
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      path: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...paths) }, { weight: 1, arbitrary: fc.webPath() }),
      params: fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }),
      really: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ market, method, path, params, really }) => {
        const path2 = path.startsWith('/') ? path : `/${path}`;
        const answer = really
          ? await call(venue!, market, method, path2, params)
          : await ask(`${ready[market].rest}${path2}?${new URLSearchParams(params)}`, { method });
        if (answer.status === 200) return;
        expect(answer.body).toEqual({ code: expect.any(Number), msg: expect.any(String) });
        // Nothing that a client sends is a fault of the server.
        expect([path2, params, answer.status, answer.body]).toEqual([
          path2,
          params,
          expect.toSatisfy((s) => s < 500),
          answer.body,
        ]);
      }),
      { numRuns: 300 },
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string().map((s) => Buffer.from(`GET /${s} HTTP/1.1\r\n\r\n`)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (b) => {
        const text = await raw(ready.usdm.rest, Buffer.from(b));
        if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 [234]\d\d /);
      }),
      { numRuns: 100 },
    );
    for (const path of ['/ws', '/stream?streams=btcusdt@trade', '/ws-fapi/v1']) {
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
          const ear = await Ear.open(`${base(ready.usdm)}${path}`);
          ear.send(text);
          await ear.settled();
          ear.ws.terminate();
        }),
        { numRuns: 30 },
      );
    }
    expect((await ask(`${ready.usdm.rest}/fapi/v1/ping`)).status).toBe(200);
  });
});

const recording = join(
  process.env['CHIMERA_DATA'] ?? join(import.meta.dirname, '../../../shared/data'),
  'binance-raw/usdm-btcusdt-20240808.gz',
);

describe('a recording that is played', () => {
  // Skipped without the recorded data.
  it.skipIf(!existsSync(recording))(
    'arrives at a client complete and in order: each trade, ticker and book update once',
    async () => {
      venue = await startVenue({ inputs: [recording], rate: 100, holdStreams: 3, limits: 'none' });
      const streams = ['btcusdt@trade', 'btcusdt@bookTicker', 'btcusdt@depth@0ms'];
      const ears = await Promise.all(streams.map((s) => Ear.open(`${base(venue!.ready.usdm)}/public/ws/${s}`)));
      while ((venue.server.status() as { next_us: number | null }).next_us !== null)
        await new Promise((done) => setTimeout(done, 50));
      for (const ear of ears) await ear.settled();
      const sent: number[][] = [[], [], []];
      for (const line of gunzipSync(readFileSync(recording)).toString().split('\n')) {
        const m = /"stream":"btcusdt@(trade|bookTicker|depth)[^"]*".*?"(?:t|u)":(\d+)/.exec(line);
        if (m) sent[['trade', 'bookTicker', 'depth'].indexOf(m[1]!)]!.push(Number(m[2]));
      }
      for (const [i, ear] of ears.entries()) {
        const got = ear.heard.map((t) => {
          const e = JSON.parse(t) as { t?: number; u?: number };
          return e.t ?? e.u!;
        });
        expect([streams[i], got.length]).toEqual([streams[i], sent[i]!.length]);
        expect(got.every((id, k) => id === sent[i]![k])).toBe(true);
      }
      for (const ear of ears) ear.ws.terminate();
    },
  );
});
