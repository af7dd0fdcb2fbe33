import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ACCOUNT, ask, type Double, Ear, KEY, signed, startDouble } from '../testing-double.ts';
import { sign } from '../transport/security.ts';
import { loadScenario } from './load.ts';
import { matcher } from './pattern.ts';

const scenario = (faults: object[], seed = 1) =>
  loadScenario(JSON.stringify({ chimera_faults: 1, seed, faults }), 'faults.yaml');

let double: Double;
afterEach(() => double?.close());
const start = async (faults: object[], seed = 1): Promise<Double> => {
  double = await startDouble({ faults: scenario(faults, seed), allowFaultControl: true });
  return double;
};
const base = (o: { rest: string }) => o.rest.replace('http', 'ws');

describe('a scenario', () => {
  it('is read as the documentation shows it, and knows every kind that the documentation lists', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/VENUE.md'), 'utf8');
    const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(text)!;
    const { seed, faults } = loadScenario(yaml!, 'VENUE.md');
    expect([seed, faults.length]).toEqual([7, 16]);
    expect(faults[0]).toEqual({ kind: 'disconnect', every: 30_000_000, target: 'streams', match: {} });
    const rows = [...text.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap((m) =>
      m[1]!.split(', ').map((k) => k.slice(1, -1)),
    );
    for (const kind of rows) {
      const extra = { symbol: 'BTCUSDT', ms: 1, skew_ms: 1 };
      const tries = [{}, ...Object.entries(extra).map(([k, v]) => ({ [k]: v }))].map((x) => {
        try {
          return scenario([{ kind, at: '1s', ...x }]).faults.length;
        } catch {
          return 0;
        }
      });
      expect([kind, Math.max(...tries)]).toEqual([kind, 1]);
    }
    expect(rows).toHaveLength(21);
  });

  it('is refused with line and column of each mistake', () => {
    const refused = (text: string) => {
      try {
        loadScenario(text, 'f.yaml');
      } catch (e) {
        return e;
      }
      return undefined;
    };
    const head = 'chimera_faults: 1\nfaults:\n';
    expect(refused(`${head}  - { kind: disconect, at: 5s }\n`)).toMatchObject({
      code: 'CHM832',
      message: expect.stringContaining('did you mean disconnect?'),
      where: { file: 'f.yaml', line: 3, column: 13 },
    });
    expect(refused(`${head}  - { kind: gap, probability: 2 }\n  - { kind: gap, at: 5 }\n`)).toMatchObject({
      message: expect.stringMatching(/faults\[0\]\.probability[\s\S]*f\.yaml:4:22 faults\[1\]\.at/),
      where: { line: 3, column: 31 },
    });
    expect(refused(`${head}  - { kind: gap }\n`)).toMatchObject({ message: expect.stringContaining('exactly one of') });
    expect(refused(`${head}  - { kind: gap, at: 1s, nth: 2 }\n`)).toMatchObject({
      message: expect.stringContaining('at and nth'),
    });
    expect(refused(`${head}  - { kind: clock_skew, nth: 1, skew_ms: 4 }\n`)).toMatchObject({
      message: expect.stringContaining('happens at a time'),
    });
    expect(refused(`${head}  - { kind: gap, nth: 1, math: {} }\n`)).toMatchObject({
      message: expect.stringContaining('unknown "math"'),
      where: { line: 3, column: 26 },
    });
    expect(refused('faults: [\n')).toMatchObject({ code: 'CHM001', where: { line: 1 } });
    expect(refused('[]')).toMatchObject({ code: 'CHM832' });
    expect(refused('')).toMatchObject({ code: 'CHM010' });
  });
  it('never throws anything but a coded error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          loadScenario(text, 'x');
        } catch (e) {
          expect((e as { code?: string }).code).toMatch(/^CHM\d{3}$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a pattern', () => {
  it('matches as the regular expression with .* in the place of each star does', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(
        text,
        text.map((t) => t.replaceAll('*', 'c')),
        (pattern, subject) => {
          const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(subject);
          expect(matcher(pattern)(subject)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
    expect([matcher(undefined)(undefined), matcher('a')(undefined), matcher('a*')(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('faults of frames', () => {
  /** Publishes 1…n on a stream; what a reader hears. */
  const heard = async (faults: object[], n: number, stream = 'btcusdt@depth@100ms', seed = 1): Promise<number[]> => {
    const d = await start(faults, seed);
    const ear = await Ear.open(`${base(d.server.usdm)}/ws/${stream}`);
    await ear.settled();
    for (let i = 1; i <= n; i++) d.server.publish('usdm', stream, String(i));
    await ear.settled();
    await d.close();
    return ear.heard.map(Number);
  };
  it('drop, double and exchange frames, by count', async () => {
    expect(await heard([{ kind: 'gap', nth: 3 }], 5)).toEqual([1, 2, 4, 5]);
    expect(await heard([{ kind: 'gap', every_nth: 2, times: 2 }], 7)).toEqual([1, 3, 5, 6, 7]);
    expect(await heard([{ kind: 'duplicate', nth: 2 }], 3)).toEqual([1, 2, 2, 3]);
    expect(await heard([{ kind: 'reorder', nth: 2 }], 4)).toEqual([1, 3, 2, 4]);
    // Depth is meant when no stream is named; others are left alone.
    expect(await heard([{ kind: 'gap', probability: 1 }], 3, 'btcusdt@trade')).toEqual([1, 2, 3]);
    expect(await heard([{ kind: 'gap', probability: 1, match: { market: 'spot' } }], 2)).toEqual([1, 2]);
  });
  it('are drawn from the seed: the same ones each time, others with another', async () => {
    const faults = [{ kind: 'gap', probability: 0.3 }];
    const first = await heard(faults, 200, undefined, 5);
    expect(first.length).toBeGreaterThan(100);
    expect(first.length).toBeLessThan(180);
    expect(await heard(faults, 200, undefined, 5)).toEqual(first);
    expect(await heard(faults, 200, undefined, 6)).not.toEqual(first);
  });
  it('hold a stream back and let it catch up in order, while others go on', async () => {
    const d = await start([{ kind: 'delay', nth: 2, ms: 30, match: { stream: 'btcusdt@trade' } }]);
    const ear = await Ear.open(`${base(d.server.usdm)}/ws/btcusdt@trade/ethusdt@trade`);
    await ear.settled();
    for (let i = 1; i <= 4; i++) {
      d.server.publish('usdm', 'btcusdt@trade', String(i));
      d.server.publish('usdm', 'ethusdt@trade', String(-i));
    }
    await ear.until(8);
    expect(ear.heard.map(Number)).toEqual([1, -1, -2, -3, -4, 2, 3, 4]);
  });
  it('cut the connections that read a stream', async () => {
    const d = await start([{ kind: 'disconnect', nth: 2, match: { stream: 'btcusdt@*' } }]);
    const ear = await Ear.open(`${base(d.server.usdm)}/ws/btcusdt@trade`);
    const other = await Ear.open(`${base(d.server.usdm)}/ws/ethusdt@trade`);
    await ear.settled();
    await other.settled();
    d.server.publish('usdm', 'btcusdt@trade', '1');
    d.server.publish('usdm', 'btcusdt@trade', '2');
    expect(await ear.closing).toBe(1006);
    d.server.publish('usdm', 'ethusdt@trade', '3');
    expect(await other.until(1)).toEqual([3]);
  });
});

describe('faults of requests', () => {
  const post = (d: Double, id: string) =>
    ask(`${d.server.usdm.rest}/fapi/v1/order?${signed(d.clock, { symbol: 'BTCUSDT', newClientOrderId: id })}`, {
      method: 'POST',
      headers: KEY,
    });
  const get = (d: Double, id: string, method = 'GET') =>
    ask(`${d.server.usdm.rest}/fapi/v1/order?${signed(d.clock, { origClientOrderId: id })}`, { method, headers: KEY });

  it('leave it open whether an order was taken: it was, and a query finds it', async () => {
    for (const [answer, code] of [
      ['503', -1000],
      ['-1006', -1006],
      ['-1007', -1007],
    ] as const) {
      const d = await start([{ kind: 'unknown', nth: 1, answer, match: { route: 'POST */order' } }]);
      const lost = await post(d, 'a');
      expect([lost.status, lost.body['code'], d.usdm.placed]).toEqual([503, code, 1]);
      expect((await get(d, 'a')).body['clientOrderId']).toBe('a');
      await d.close();
    }
  });
  it('refuse an order for good: it was not taken', async () => {
    for (const [answer, code] of [
      ['503', 0],
      ['-1008', -1008],
    ] as const) {
      const d = await start([{ kind: 'unavailable', nth: 1, answer }]);
      const refused = await post(d, 'a');
      expect([refused.status, refused.body['code'], d.usdm.placed]).toEqual([503, code, 0]);
      await d.close();
    }
  });
  it('never answer, with or without having taken the order', async () => {
    for (const accepted of [true, false]) {
      const d = await start([{ kind: 'timeout', nth: 1, accepted }]);
      const gone = new AbortController();
      const url = `${d.server.usdm.rest}/fapi/v1/order?${signed(d.clock, { symbol: 'B', newClientOrderId: 'a' })}`;
      const lost = fetch(url, { method: 'POST', headers: KEY, signal: gone.signal }).catch(() => 'nothing');
      for (;;) {
        const { faults } = (await ask(`${d.server.usdm.rest}/chimera/faults`)).body as { faults: { fired: number }[] };
        if (faults[0]!.fired === 1) break;
      }
      expect(await Promise.race([lost, get(d, 'a').then((a) => a.status)])).toBe(accepted ? 200 : 400);
      gone.abort();
      expect(await lost).toBe('nothing');
      await d.close();
    }
  });
  it('answer late, with −1021, and with −2011 and −2013 for what is there', async () => {
    const d = await start([
      { kind: 'not_found', nth: 1, match: { route: 'DELETE *' } },
      { kind: 'not_found', nth: 1, match: { route: 'GET *' } },
      { kind: 'timestamp', nth: 2, match: { route: 'POST *' } },
      { kind: 'slow', nth: 2, ms: 30, match: { route: 'POST *' } },
    ]);
    expect((await post(d, 'a')).status).toBe(200);
    expect((await get(d, 'a', 'DELETE')).body['code']).toBe(-2011);
    expect((await get(d, 'a')).body['code']).toBe(-2013);
    expect((await get(d, 'a')).body['status']).toBe('NEW');
    expect((await post(d, 'b')).body['code']).toBe(-1021);
    expect(d.usdm.placed).toBe(1);
    const t = performance.now();
    expect((await post(d, 'b')).status).toBe(200);
    expect(performance.now() - t).toBeGreaterThan(28);
    expect((await get(d, 'a', 'DELETE')).body['status']).toBe('CANCELED');
  });
  it('say 429 with a time, and ban with 418 until it is over', async () => {
    const d = await start([
      { kind: 'rate_limit', nth: 1, retry_after_s: 7 },
      { kind: 'ban', nth: 1, seconds: 60 },
    ]);
    const url = `${d.server.usdm.rest}/fapi/v1/ping`;
    const limited = await ask(url);
    expect([limited.status, limited.headers.get('Retry-After')]).toEqual([429, '7']);
    expect((await ask(url)).status).toBe(418);
    d.clock.wall += 59_000;
    expect((await ask(url)).status).toBe(418);
    d.clock.wall += 1000;
    expect((await ask(url)).status).toBe(200);
  });
  it('reach calls of the websocket API by the routes they stand for', async () => {
    const d = await start([{ kind: 'unknown', nth: 1, answer: '-1007', match: { route: 'POST /fapi/v1/order' } }]);
    const ear = await Ear.open(`${base(d.server.usdm)}/ws-fapi/v1`);
    const params = { apiKey: ACCOUNT.apiKey, symbol: 'BTCUSDT', timestamp: d.clock.wall };
    const text = Object.entries(params)
      .map(([k, v]) => `${k}=${v}`)
      .join('&');
    ear.send({ id: 1, method: 'order.place', params: { ...params, signature: sign(ACCOUNT.secret, text) } });
    expect(await ear.until(1)).toMatchObject([{ id: 1, status: 503, error: { code: -1007 } }]);
    expect(d.usdm.placed).toBe(1);
  });
});

describe('faults of the account and of its reports', () => {
  const listen = async (d: Double): Promise<Ear> => {
    const { body } = await ask(`${d.server.usdm.rest}/fapi/v1/listenKey`, { method: 'POST', headers: KEY });
    const ear = await Ear.open(`${base(d.server.usdm)}/private/ws?listenKey=${String(body['listenKey'])}`);
    await ear.settled();
    return ear;
  };
  it('deliver reports late, twice or never', async () => {
    const d = await start([
      { kind: 'late_report', nth: 1, ms: 30, match: { status: 'FILLED' } },
      { kind: 'duplicate_report', nth: 1, match: { event: 'ACCOUNT_UPDATE' } },
      { kind: 'lost_report', nth: 1, match: { event: 'ORDER_TRADE_UPDATE', status: 'CANCELED', symbol: 'BTCUSDT' } },
    ]);
    const ear = await listen(d);
    const order = (X: string) => ({ e: 'ORDER_TRADE_UPDATE', o: { s: 'BTCUSDT', X } });
    for (const event of [order('NEW'), order('FILLED'), order('CANCELED'), { e: 'ACCOUNT_UPDATE' }])
      d.usdm.onUserEvent(event);
    expect(await ear.until(4)).toEqual([
      order('NEW'),
      { e: 'ACCOUNT_UPDATE' },
      { e: 'ACCOUNT_UPDATE' },
      order('FILLED'),
    ]);
  });
  it('come at their market times: expiry, liquidation, ADL, skew, disconnects', async () => {
    const d = await start([
      { kind: 'listen_key_expiry', at: '1s' },
      { kind: 'liquidation', at: '2s', symbol: 'BTCUSDT' },
      { kind: 'adl', at: '2s', symbol: 'ETHUSDT', match: { market: 'usdm' } },
      { kind: 'clock_skew', at: '3s', skew_ms: -2500 },
      { kind: 'disconnect', every: '10s', target: 'streams' },
    ]);
    const user = await listen(d);
    const streams = await Ear.open(`${base(d.server.spot)}/ws/btcusdt@trade`);
    const to = (s: number) => {
      d.clock.us = 1_600_000_000_000_000 + s * 1e6;
      d.server.play();
    };
    const serverTime = async () => (await ask(`${d.server.usdm.rest}/fapi/v1/time`)).body['serverTime'];
    to(0.999);
    await user.settled();
    expect([user.heard.length, d.usdm.forced]).toEqual([0, []]);
    to(1);
    expect(await user.until(1)).toMatchObject([{ e: 'listenKeyExpired' }]);
    to(2);
    expect([d.usdm.forced, d.spot.forced]).toEqual([['liquidation BTCUSDT', 'adl ETHUSDT'], ['liquidation BTCUSDT']]);
    expect(await serverTime()).toBe(d.clock.wall);
    to(3);
    expect(await serverTime()).toBe(d.clock.wall - 2500);
    const q = signed(d.clock, { origClientOrderId: 'x' });
    expect((await ask(`${d.server.usdm.rest}/fapi/v1/order?${q}`, { headers: KEY })).body['code']).toBe(-1021);
    const next = await listen(d);
    to(9.999);
    await streams.settled();
    expect(streams.closed).toBe(false);
    to(10);
    expect(await streams.closing).toBe(1006);
    await next.settled();
    expect(next.closed).toBe(false);
    const again = await Ear.open(`${base(d.server.spot)}/ws/btcusdt@trade`);
    to(20);
    expect(await again.closing).toBe(1006);
  });
});

describe('faults at run time', () => {
  it('are added, counted and ended, where that is allowed', async () => {
    const d = await start([]);
    const url = `${d.server.usdm.rest}/chimera/faults`;
    const add = (body: unknown) =>
      ask(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
    expect((await add({ faults: [{ kind: 'timestamp', every_nth: 1 }] })).body).toEqual({ faults: 1 });
    const q = () => signed(d.clock, { origClientOrderId: 'x' });
    const code = async () => (await ask(`${d.server.usdm.rest}/fapi/v1/order?${q()}`, { headers: KEY })).body['code'];
    expect(await code()).toBe(-1021);
    expect((await ask(url)).body).toEqual({ faults: [{ kind: 'timestamp', seen: 1, fired: 1 }] });
    expect((await ask(url, { method: 'DELETE' })).body).toEqual({ faults: [] });
    expect(await code()).toBe(-2013);
    expect((await add('{')).body['code']).toBe(-1135);
    expect((await add({ faults: [{ kind: 'dance' }] })).body['code']).toBe(-1130);
    await d.close();
    double = await startDouble();
    const closed = await ask(`${double.server.usdm.rest}/chimera/faults`, { method: 'POST', body: '{"faults":[]}' });
    expect(closed.status).toBe(404);
  });
});
