import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createVenueServer } from './server.ts';
import {
  ACCOUNT,
  ask,
  type Double,
  DoubleEngine,
  DoubleFeed,
  Ear,
  HandClock,
  KEY,
  raw,
  signed,
  startDouble,
} from './testing-double.ts';
import { BINANCE_LIMITS, unlimited } from './transport/limits.ts';
import { sign } from './transport/security.ts';

let double: Double;
afterEach(() => double?.close());
const start = async (o: Parameters<typeof startDouble>[0] = {}): Promise<Double> => {
  double = await startDouble(o);
  return double;
};

describe('REST of the venue', () => {
  it('serves each market on its own port, and the wallet endpoints on both', async () => {
    const { server, clock } = await start();
    expect((await ask(`${server.usdm.rest}/fapi/v1/ping`)).body).toEqual({});
    expect((await ask(`${server.spot.rest}/api/v3/time`)).body).toEqual({ serverTime: clock.wall });
    for (const o of [server.usdm, server.spot])
      expect((await ask(`${o.rest}/sapi/v1/system/status`)).body).toEqual({ status: 0, msg: 'normal' });
    expect(server.usdm.ws).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/);
    expect(server.spot.ws).toMatch(/\/stream\/ws$/);
  });

  it('answers an unknown path or method in the exchange’s error shape with 404', async () => {
    const { server } = await start();
    const unknown = await ask(`${server.usdm.rest}/fapi/v1/nothing`);
    expect([unknown.status, unknown.body]).toEqual([
      404,
      { code: -5000, msg: 'Path /fapi/v1/nothing, Method GET is invalid' },
    ]);
    expect((await ask(`${server.usdm.rest}/fapi/v1/ping`, { method: 'POST' })).body['code']).toBe(-5000);
    expect((await ask(`${server.usdm.rest}/fapi/v1/ping`, { method: 'PATCH', body: 'x' })).body['code']).toBe(-5000);
    expect((await ask(`${server.spot.rest}/api/v3/../../etc/passwd`)).body).toEqual({
      code: -1020,
      msg: 'This operation is not supported.',
    });
    expect((await ask(`${server.spot.rest}/..%2f..%2fetc%2fpasswd`)).status).toBe(404);
  });

  it('takes a signature over exactly the encoded text, in query, body or both, in any case', async () => {
    const { server, clock, usdm } = await start();
    const url = `${server.usdm.rest}/fapi/v1/order`;
    const hmac = (text: string) => createHmac('sha256', ACCOUNT.secret).update(text).digest('hex');
    const form = { ...KEY, 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = `symbol=BTCUSDT&newClientOrderId=a%2Fb%20c&timestamp=${clock.wall}`;
    const inBody = await ask(url, { method: 'POST', headers: form, body: `${body}&signature=${hmac(body)}` });
    expect([inBody.status, inBody.body['clientOrderId']]).toEqual([200, 'a/b c']);
    const query = `${body}&signature=${hmac(body).toUpperCase()}`;
    expect((await ask(`${url}?${query}`, { method: 'POST', headers: KEY })).status).toBe(200);
    // Both parts, no separator between them; the query wins.
    const q = 'symbol=BTCUSDT&newClientOrderId=q';
    const b = `newClientOrderId=b&timestamp=${clock.wall}`;
    const both = await ask(`${url}?${q}`, { method: 'POST', headers: form, body: `${b}&signature=${hmac(q + b)}` });
    expect(both.body['clientOrderId']).toBe('q');
    // The same parameters, encoded otherwise than they were signed.
    const other = `${body.replace('%20', '+')}&signature=${hmac(body)}`;
    expect((await ask(`${url}?${other}`, { method: 'POST', headers: KEY })).body).toEqual({
      code: -1022,
      msg: 'Signature for this request is not valid.',
    });
    expect(usdm.placed).toBe(3);
  });

  it('reproduces the signature example of the exchange’s documentation', () => {
    const secret = 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j';
    const text =
      'symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559';
    expect(sign(secret, text)).toBe('c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71');
  });

  it('refuses keys, timestamps and signatures with the exchange’s codes', async () => {
    const { server, clock } = await start();
    const url = `${server.usdm.rest}/fapi/v1/order`;
    const get = async (query: string, headers: Record<string, string> = KEY) => {
      const { status, body } = await ask(`${url}?${query}`, { headers });
      return [status, body['code']];
    };
    const good = { origClientOrderId: 'x' };
    expect(await get(signed(clock, good))).toEqual([400, -2013]);
    expect(await get(signed(clock, good), {})).toEqual([401, -2014]);
    expect(await get(signed(clock, good), { 'X-MBX-APIKEY': 'short' })).toEqual([401, -2014]);
    expect(await get(signed(clock, good), { 'X-MBX-APIKEY': 'z'.repeat(64) })).toEqual([401, -2015]);
    expect(await get('origClientOrderId=x&signature=00')).toEqual([400, -1102]);
    expect(await get(`origClientOrderId=x&timestamp=${clock.wall}`)).toEqual([400, -1102]);
    expect(await get(`origClientOrderId=x&timestamp=${clock.wall}&signature=${'0'.repeat(64)}`)).toEqual([400, -1022]);
    expect(await get(`origClientOrderId=x&timestamp=abc&signature=00`)).toEqual([400, -1102]);
    const at = (offset: number, window?: string) => {
      const moved = new HandClock(clock.wall + offset);
      return get(signed(moved, { ...good, ...(window ? { recvWindow: window } : {}) }));
    };
    // Accepted iff timestamp < server time + 1000 and server time − timestamp ≤ recvWindow.
    expect(await at(999)).toEqual([400, -2013]);
    expect(await at(1000)).toEqual([400, -1021]);
    expect(await at(-5000)).toEqual([400, -2013]);
    expect(await at(-5001)).toEqual([400, -1021]);
    expect(await at(-59_000, '60000')).toEqual([400, -2013]);
    expect(await at(0, '60001')).toEqual([400, -1131]);
    expect(await at(0, '-1')).toEqual([400, -1102]);
    // Microseconds are understood.
    const us = `origClientOrderId=x&timestamp=${clock.wall}000`;
    const sig = createHmac('sha256', ACCOUNT.secret).update(us).digest('hex');
    expect(await get(`${us}&signature=${sig}`)).toEqual([400, -2013]);
  });

  it('refuses what cannot be decoded, comes twice, is too much or too long', async () => {
    const { server } = await start();
    const url = `${server.usdm.rest}/fapi/v1/time`;
    const code = async (query: string, init: RequestInit = {}) => {
      const { status, body } = await ask(`${url}?${query}`, init);
      return [status, body['code']];
    };
    expect(await code('a=%zz')).toEqual([400, -1100]);
    expect(await code('a=%00')).toEqual([400, -1100]);
    expect(await code('a=1&a=2')).toEqual([400, -1101]);
    expect(await code('signature=1&signature=2')).toEqual([400, -1101]);
    expect(await code(Array.from({ length: 300 }, (_, i) => `p${i}=1`).join('&'))).toEqual([400, -1101]);
    expect(await code('__proto__=1&constructor=2&toString')).toEqual([200, undefined]);
    const large = await ask(`${server.usdm.rest}/fapi/v1/order`, { method: 'POST', body: 'x'.repeat(300_000) });
    expect([large.status, large.body['code']]).toEqual([413, -1101]);
    expect(await raw(server.usdm.rest, 'GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 40[04] [\s\S]*"code":-/,
    );
    expect(await raw(server.usdm.rest, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":-1100/);
    expect(await raw(server.usdm.rest, `GET / HTTP/1.1\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431/,
    );
  });

  it('takes a fault of a handler for what it is, and goes on', async () => {
    const { server, clock } = await start();
    const q = signed(clock, { symbol: 'BTCUSDT', throw: '1' });
    const bad = await ask(`${server.usdm.rest}/fapi/v1/order?${q}`, { method: 'POST', headers: KEY });
    expect([bad.status, bad.body['code']]).toEqual([500, -1000]);
    expect((await ask(`${server.usdm.rest}/fapi/v1/ping`)).status).toBe(200);
  });

  it('lets an answer leave when market time has come, and plays what is due before an order', async () => {
    const { server, clock, usdm, feed } = await start();
    usdm.latencyUs = 3000;
    feed.frames = [{ us: clock.us + 10, market: 'usdm', stream: 'btcusdt@trade', text: '{}' }];
    clock.us += 20;
    let settled = false;
    const q = signed(clock, { symbol: 'BTCUSDT', newClientOrderId: 'late' });
    const answer = ask(`${server.usdm.rest}/fapi/v1/order?${q}`, { method: 'POST', headers: KEY }).then((a) => {
      settled = true;
      return a;
    });
    // Another request, which is answered behind it.
    while (usdm.placed === 0) await ask(`${server.usdm.rest}/fapi/v1/ping`);
    expect([settled, feed.frames.length]).toEqual([false, 0]);
    clock.us += 3000;
    server.play();
    expect((await answer).body['clientOrderId']).toBe('late');
  });
});

describe('limits', () => {
  it('counts weight per minute in a header, refuses with 429, then bans with 418', async () => {
    const { server, clock } = await start({ limits: { usdm: { weight: 90, refusalsBeforeBan: 3 } } });
    const heavy = () => ask(`${server.usdm.rest}/fapi/v1/orders`, { headers: KEY });
    expect((await heavy()).headers.get('X-MBX-USED-WEIGHT-1M')).toBe('40');
    expect((await heavy()).headers.get('X-MBX-USED-WEIGHT-1M')).toBe('80');
    const refused = await heavy();
    // 1,700,000,000 s is 20 s into its minute.
    expect([refused.status, refused.body['code'], refused.headers.get('Retry-After')]).toEqual([429, -1003, '40']);
    await heavy();
    await heavy();
    const banned = await heavy();
    expect([banned.status, banned.body['code'], banned.headers.get('Retry-After')]).toEqual([418, -1003, '120']);
    expect(banned.body['msg']).toContain(`banned until ${clock.wall + 120_000}`);
    clock.wall += 60_000;
    expect((await heavy()).status).toBe(418);
    // Spot counts for itself.
    expect((await ask(`${server.spot.rest}/api/v3/ping`)).status).toBe(200);
    clock.wall += 60_000;
    expect((await heavy()).status).toBe(200);
  });
  it('bans twice as long the second time', async () => {
    const { server, clock } = await start({ limits: { usdm: { weight: 1, refusalsBeforeBan: 0 } } });
    const two = async () => {
      await ask(`${server.usdm.rest}/fapi/v1/ping`);
      return (await ask(`${server.usdm.rest}/fapi/v1/ping`)).headers.get('Retry-After');
    };
    expect(await two()).toBe('120');
    clock.wall += 180_000;
    expect(await two()).toBe('240');
  });

  it('counts orders per interval, and refuses the one too many with −1015', async () => {
    const { server, clock } = await start();
    const post = () => {
      const q = signed(clock, { symbol: 'BTCUSDT' });
      return ask(`${server.usdm.rest}/fapi/v1/order?${q}`, { method: 'POST', headers: KEY });
    };
    const first = await post();
    expect(first.headers.get('X-MBX-ORDER-COUNT-10S')).toBe('1');
    expect(first.headers.get('X-MBX-ORDER-COUNT-1M')).toBe('1');
    for (let i = 1; i < 300; i++) await post();
    const refused = await post();
    expect([refused.status, refused.body['code'], refused.body['msg']]).toEqual([
      429,
      -1015,
      'Too many new orders; current limit is 300 orders per 10 SECOND.',
    ]);
    expect(refused.headers.get('Retry-After')).toBe('10');
    clock.wall += 10_000;
    const next = await post();
    expect([next.headers.get('X-MBX-ORDER-COUNT-10S'), next.headers.get('X-MBX-ORDER-COUNT-1M')]).toEqual(['1', '301']);
  });

  it('does not count a Spot order that traded', async () => {
    const { server, clock, spot } = await start();
    const post = () => {
      const q = signed(clock, { symbol: 'BTCUSDT' });
      return ask(`${server.spot.rest}/api/v3/order?${q}`, { method: 'POST', headers: KEY });
    };
    await post();
    expect((await post()).headers.get('X-MBX-ORDER-COUNT-10S')).toBe('2');
    spot.onUserEvent({ e: 'executionReport', x: 'TRADE', l: '1', z: '1' });
    spot.onUserEvent({ e: 'executionReport', x: 'TRADE', l: '1', z: '2' });
    const { headers } = await post();
    expect([headers.get('X-MBX-ORDER-COUNT-10S'), headers.get('X-MBX-ORDER-COUNT-1D')]).toEqual(['2', '2']);
  });

  it('spells its headers as the exchange writes them', async () => {
    const { server } = await start();
    const { host } = new URL(server.usdm.rest);
    const text = await raw(
      server.usdm.rest,
      `GET /fapi/v1/ping HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toContain('X-MBX-USED-WEIGHT-1M: 1\r\n');
  });

  it('can be lifted', async () => {
    const { server } = await start({ limits: { usdm: unlimited(BINANCE_LIMITS.usdm) } });
    for (let i = 0; i < 100; i++)
      expect((await ask(`${server.usdm.rest}/fapi/v1/orders`, { headers: KEY })).status).toBe(200);
  });
});

describe('transfers', () => {
  const send = (d: Double, method: string, params: Record<string, string>, origin = d.server.spot) =>
    ask(`${origin.rest}/sapi/v1/asset/transfer?${signed(d.clock, params)}`, { method, headers: KEY });

  it('move money between the wallets once per client id, on either port', async () => {
    const d = await start();
    const move = { type: 'MAIN_UMFUTURE', asset: 'USDT', amount: '12.5', clientTranId: 'one' };
    const first = await send(d, 'POST', move);
    expect(first.status).toBe(200);
    expect(await send(d, 'POST', move, d.server.usdm)).toMatchObject({ body: first.body });
    expect([d.spot.wallet['USDT'], d.usdm.wallet['USDT']]).toEqual([9_987.5e8, 10_012.5e8]);
    expect((await send(d, 'POST', { ...move, amount: '13' })).body['code']).toBe(-1130);
    const back = await send(d, 'POST', { type: 'UMFUTURE_MAIN', asset: 'USDT', amount: '0.00000001' });
    expect(back.body['tranId']).not.toBe(first.body['tranId']);
    const list = await send(d, 'GET', { type: 'MAIN_UMFUTURE' });
    expect(list.body).toEqual({
      total: 1,
      rows: [
        {
          asset: 'USDT',
          amount: '12.5',
          type: 'MAIN_UMFUTURE',
          status: 'CONFIRMED',
          tranId: first.body['tranId'],
          clientTranId: 'one',
          timestamp: d.clock.us / 1000,
        },
      ],
    });
  });
  it('refuse amounts and types that make no sense, and move nothing', async () => {
    const d = await start();
    const code = async (amount: string, type = 'MAIN_UMFUTURE') =>
      (await send(d, 'POST', { type, asset: 'USDT', amount })).body['code'];
    expect(await code('0')).toBe(-1130);
    expect(await code('-1')).toBe(-1102);
    expect(await code('1e3')).toBe(-1102);
    expect(await code('0.000000001')).toBe(-1111);
    expect(await code('99999999999999')).toBe(-1130);
    expect(await code('10001')).toBe(-5013);
    expect(await code('1', 'MAIN_MARGIN')).toBe(-1130);
    expect([d.spot.wallet['USDT'], d.usdm.wallet['USDT']]).toEqual([10_000e8, 10_000e8]);
  });
});

describe('the life of the server', () => {
  it('refuses an address that other machines reach unless it is asked for in full', async () => {
    const feed = new DoubleFeed();
    const base = {
      clock: new HandClock(),
      feed,
      engines: { usdm: new DoubleEngine('usdm'), spot: new DoubleEngine('spot') },
      account: ACCOUNT,
      ports: { usdm: 0, spot: 0 },
      host: '0.0.0.0',
      alone: false,
    };
    await expect(createVenueServer(base)).rejects.toMatchObject({
      code: 'CHM830',
      help: expect.stringContaining('--expose'),
    });
    const server = await createVenueServer({ ...base, expose: true });
    await server.close();
    expect(feed.closed).toBe(true);
  });
  it('says which port is taken, and leaves nothing open', async () => {
    const d = await start();
    const port = Number(new URL(d.server.usdm.rest).port);
    const feed = new DoubleFeed();
    const engines = { usdm: new DoubleEngine('usdm'), spot: new DoubleEngine('spot') };
    await expect(
      createVenueServer({
        clock: new HandClock(),
        feed,
        engines,
        account: ACCOUNT,
        ports: { usdm: port, spot: 0 },
        alone: false,
      }),
    ).rejects.toMatchObject({ code: 'CHM831', message: expect.stringContaining('EADDRINUSE') });
    expect(feed.closed).toBe(true);
  });
  it('says what it plays, and stops the market but nothing else when that fails', async () => {
    const said: object[] = [];
    const { server, clock, feed } = await start({ log: (e) => said.push(e) });
    expect((await ask(`${server.spot.rest}/chimera/status`)).body).toMatchObject({
      running: true,
      market_us: clock.us,
    });
    feed.frames = [{ us: clock.us, market: 'usdm', stream: 'x', text: '{}' }];
    feed.fails = true;
    server.play();
    expect(said).toContainEqual(expect.objectContaining({ code: 'CHM833', error: 'Error: the recording is torn' }));
    expect((await ask(`${server.usdm.rest}/fapi/v1/ping`)).status).toBe(200);
  });
  it('holds the market until enough streams have a reader, or until it is told to start', async () => {
    const d = await start({ holdStreams: 2 });
    d.feed.frames = [{ us: d.clock.us, market: 'spot', stream: 'btcusdt@trade', text: '"first"' }];
    const running = async () => (await ask(`${d.server.usdm.rest}/chimera/status`)).body['running'];
    const ear = await Ear.open(`${d.server.spot.rest.replace('http', 'ws')}/ws/btcusdt@trade`);
    d.server.play();
    expect([await running(), d.feed.frames.length]).toEqual([false, 1]);
    ear.send({ method: 'SUBSCRIBE', params: ['ethusdt@trade'], id: 1 });
    await ear.until(1);
    while (!(await running()));
    d.server.play();
    expect(await ear.until(2)).toEqual([{ result: null, id: 1 }, 'first']);
    await d.close();
    const told = await start({ hold: true, allowFaultControl: true });
    const post = (path: string) => ask(`${told.server.usdm.rest}${path}`, { method: 'POST' });
    expect((await post('/chimera/start')).body).toMatchObject({ running: true });
  });
  it('closes although requests are unanswered', async () => {
    const { server, clock, usdm } = await start();
    usdm.latencyUs = 1e9;
    const q = signed(clock, { symbol: 'BTCUSDT' });
    const lost = fetch(`${server.usdm.rest}/fapi/v1/order?${q}`, { method: 'POST', headers: KEY }).catch(() => 'cut');
    while (usdm.placed === 0) await ask(`${server.usdm.rest}/fapi/v1/ping`);
    await server.close();
    expect(await lost).toBe('cut');
  });
});
