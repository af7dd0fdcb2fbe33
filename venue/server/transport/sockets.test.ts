import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { ACCOUNT, ask, type Double, Ear, KEY, startDouble } from '../testing-double.ts';
import { sign } from './security.ts';
import { readStreamPath } from './stream-path.ts';

let double: Double;
afterEach(() => double?.close());
const start = async (o: Parameters<typeof startDouble>[0] = {}): Promise<Double> => {
  double = await startDouble(o);
  return double;
};
const base = (o: { rest: string }) => o.rest.replace('http', 'ws');

describe('paths of streams', () => {
  it('are read with category, form, names and the numbers that clients append', () => {
    const read = (url: string) => readStreamPath('usdm', url);
    const streams = { kind: 'streams', category: undefined, combined: false, streams: [], listenKeys: [], events: [] };
    expect(read('/ws')).toEqual(streams);
    expect(read('/public/ws/1')).toEqual({ ...streams, category: 'public' });
    expect(read('/market/stream?streams=a@x/b@y')).toEqual({
      ...streams,
      category: 'market',
      combined: true,
      streams: ['a@x', 'b@y'],
    });
    expect(read('/private/ws?listenKey=K&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE')).toEqual({
      ...streams,
      category: 'private',
      listenKeys: ['K'],
      events: ['ORDER_TRADE_UPDATE', 'ACCOUNT_UPDATE'],
    });
    expect(read('/ws/a@x/b@y/a@x')).toEqual({ ...streams, streams: ['a@x', 'b@y'] });
    expect(readStreamPath('spot', '/stream/ws/0')).toEqual(streams);
    expect(readStreamPath('spot', '/ws-api/v3?returnRateLimits=false')).toEqual({ kind: 'api', rateLimits: false });
    for (const url of ['/', '/nothing', '/ws-api/v3', '/%zz', '/../ws-fapi', '/public'])
      expect(read(url)).toBeUndefined();
    expect(readStreamPath('spot', '/public/ws')).toBeUndefined();
  });
});

describe('market streams', () => {
  it('answer a subscription before its first frame, also when it is repeated, and wrap combined ones', async () => {
    const { server } = await start();
    const plain = await Ear.open(`${server.spot.ws}/0`);
    plain.send({ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 1 });
    await plain.until(1);
    server.publish('spot', 'btcusdt@trade', '{"t":1}');
    server.publish('spot', 'ethusdt@trade', '{"t":2}');
    plain.send({ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 'again' });
    await plain.until(3);
    server.publish('spot', 'btcusdt@trade', '{"t":3}');
    expect(await plain.until(4)).toEqual([{ result: null, id: 1 }, { t: 1 }, { result: null, id: 'again' }, { t: 3 }]);
    const combined = await Ear.open(`${base(server.spot)}/stream?streams=btcusdt@trade/ethusdt@trade`);
    await combined.settled();
    server.publish('spot', 'ethusdt@trade', '{"t":4}');
    expect(await combined.until(1)).toEqual([{ stream: 'ethusdt@trade', data: { t: 4 } }]);
    combined.send({ method: 'SET_PROPERTY', params: ['combined', false], id: 2 });
    combined.send({ method: 'GET_PROPERTY', params: ['combined'], id: 3 });
    combined.send({ method: 'LIST_SUBSCRIPTIONS', id: 4 });
    combined.send({ method: 'UNSUBSCRIBE', params: ['btcusdt@trade'], id: 5 });
    expect((await combined.until(5)).slice(1)).toEqual([
      { result: null, id: 2 },
      { result: false, id: 3 },
      { result: ['btcusdt@trade', 'ethusdt@trade'], id: 4 },
      { result: null, id: 5 },
    ]);
    server.publish('spot', 'btcusdt@trade', '{"t":5}');
    server.publish('spot', 'ethusdt@trade', '{"t":6}');
    expect((await combined.until(6)).at(-1)).toEqual({ t: 6 });
    expect((await plain.until(5)).at(-1)).toEqual({ t: 5 });
  });

  it('of USD-M are silent outside of their category; without a category only the public ones speak', async () => {
    const { server } = await start();
    const both = ['btcusdt@trade', 'btcusdt@aggTrade'];
    const ears: Record<string, Ear> = {};
    for (const category of ['', '/public', '/market', '/private']) {
      const ear = await Ear.open(`${base(server.usdm)}${category}/ws/1`);
      ear.send({ method: 'SUBSCRIBE', params: both, id: 1 });
      await ear.until(1);
      ears[category] = ear;
    }
    server.publish('usdm', 'btcusdt@trade', '"public"');
    server.publish('usdm', 'btcusdt@aggTrade', '"market"');
    for (const ear of Object.values(ears)) await ear.settled();
    const heard = Object.fromEntries(Object.entries(ears).map(([c, ear]) => [c, ear.heard.slice(1)]));
    expect(heard).toEqual({ '': ['"public"'], '/public': ['"public"'], '/market': ['"market"'], '/private': [] });
  });

  it('answer what they do not understand with the stream endpoints’ own errors', async () => {
    const { server } = await start({ limits: { spot: { messages: 100, streams: 2 } } });
    const ear = await Ear.open(server.spot.ws);
    const bad = [
      'not json',
      '[]',
      { method: 'SUBSCRIBE', params: ['dogeusdt@trade'], id: 1 },
      { method: 'SUBSCRIBE', params: [], id: 2 },
      { method: 'SUBSCRIBE', params: [7], id: 3 },
      { method: 'DANCE', id: 4 },
      { method: 'SET_PROPERTY', params: ['colour', true], id: 5 },
      { method: 'SET_PROPERTY', params: ['combined', 1], id: 6 },
      { method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: { a: 1 } },
      { method: 'SUBSCRIBE', params: ['btcusdt@a', 'btcusdt@b', 'btcusdt@c'], id: 8 },
    ];
    for (const message of bad) ear.send(message);
    const heard = (await ear.until(bad.length)) as { error: { code: number; msg: string }; id?: unknown }[];
    expect(heard.map((h) => [h.error.code, h.id])).toEqual([
      [3, undefined],
      [2, undefined],
      [2, 1],
      [2, 2],
      [2, 3],
      [2, 4],
      [0, 5],
      [1, 6],
      [2, undefined],
      [2, 8],
    ]);
    ear.ws.send(Buffer.from([1, 2, 3]));
    expect((await ear.until(11)).at(-1)).toMatchObject({ error: { code: 3 } });
  });

  it('end a client that talks too much: five messages a second on Spot, ten on USD-M', async () => {
    const { server } = await start();
    for (const [origin, most] of [
      [server.spot, 5],
      [server.usdm, 10],
    ] as const) {
      const ear = await Ear.open(origin.ws);
      for (let i = 0; i <= most; i++) ear.send({ method: 'LIST_SUBSCRIPTIONS', id: i });
      expect(await ear.closing).toBe(1008);
      expect(ear.heard).toHaveLength(most);
    }
  });

  it('end a client whose message is too large, and one that asks for too many streams', async () => {
    const { server } = await start();
    const loud = await Ear.open(server.spot.ws);
    loud.send('x'.repeat(300_000));
    expect(await loud.closing).toBe(1009);
    const names = Array.from({ length: 1025 }, (_, i) => `s${i}@trade`);
    const ear = await Ear.open(server.spot.ws);
    ear.send({ method: 'SUBSCRIBE', params: names.slice(0, 1024), id: 1 });
    ear.send({ method: 'SUBSCRIBE', params: names.slice(1024), id: 2 });
    expect(await ear.until(2)).toMatchObject([{ result: null }, { error: { code: 2 }, id: 2 }]);
  });

  it('cut off a reader that does not read', async () => {
    const { server } = await start({ limits: { spot: { buffered: 1_000_000, messages: 1000 } } });
    const slow = await Ear.open(`${base(server.spot)}/ws/btcusdt@trade`);
    const quick = await Ear.open(`${base(server.spot)}/ws/ethusdt@trade`);
    await slow.settled();
    await quick.settled();
    slow.ws.pause();
    const frame = JSON.stringify('x'.repeat(65_000));
    for (let i = 0; i < 400; i++) {
      server.publish('spot', 'btcusdt@trade', frame);
      if (i % 20 === 0) await quick.settled();
    }
    expect((server.status() as { spot: { connections: number } }).spot.connections).toBe(1);
    server.publish('spot', 'ethusdt@trade', '"still here"');
    expect(await quick.until(1)).toEqual(['still here']);
    slow.ws.terminate();
  });

  it('hold one text for all readers: short, middle and long frames arrive as they were', async () => {
    const { server } = await start();
    const ear = await Ear.open(`${base(server.spot)}/ws/btcusdt@trade`);
    await ear.settled();
    const texts = [0, 1, 123, 124, 125, 126, 65_533, 65_534, 70_000].map((n) =>
      JSON.stringify('é'.repeat(n % 3) + 'x'.repeat(n)),
    );
    for (const t of texts) server.publish('spot', 'btcusdt@trade', t);
    await ear.until(texts.length);
    expect(ear.heard).toEqual(texts);
  });

  it('are refused on other paths, and past the limit of connections', async () => {
    const { server, clock } = await start({ limits: { usdm: { connections: 3 } } });
    await expect(Ear.open(`${base(server.usdm)}/elsewhere`)).rejects.toThrow('404');
    const open = [];
    for (let i = 0; i < 3; i++) open.push(await Ear.open(server.usdm.ws));
    await expect(Ear.open(server.usdm.ws)).rejects.toThrow('429');
    clock.wall += 300_000;
    open.push(await Ear.open(server.usdm.ws));
    for (const ear of open) ear.ws.terminate();
  });
});

describe('the life of a connection', () => {
  it('is kept by pongs: every 20 s on Spot, every 3 min on USD-M; silence ends it after 60 s and 10 min', async () => {
    const { server, clock } = await start();
    for (const [origin, pingMs, pongMs] of [
      [server.spot, 20_000, 60_000],
      [server.usdm, 180_000, 600_000],
    ] as const) {
      const alive = await Ear.open(origin.ws);
      const silent = await Ear.open(origin.ws, { autoPong: false });
      const pings: string[] = [];
      alive.ws.on('ping', (data) => pings.push(String(data)));
      const from = clock.wall;
      while (clock.wall < from + pongMs) {
        clock.wall += pingMs / 2;
        server.sweep();
        // The answer to the ping has arrived when that to a later message has.
        const heard = alive.heard.length;
        alive.send({ method: 'LIST_SUBSCRIPTIONS', id: 1 });
        await alive.until(heard + 1);
        if (clock.wall < from + pongMs) expect(silent.closed).toBe(false);
      }
      expect(await silent.closing).toBe(1006);
      expect(pings.map(Number)).toEqual(
        Array.from({ length: Math.floor(pongMs / pingMs) }, (_, i) => from + (i + 1) * pingMs),
      );
      expect(alive.closed).toBe(false);
      alive.ws.terminate();
    }
  });

  it('ends after 24 h; Spot says so ten minutes before', async () => {
    const { server, clock } = await start({ life: { spot: { pongMs: 1e12 }, usdm: { pongMs: 1e12 } } });
    const spot = await Ear.open(server.spot.ws);
    const usdm = await Ear.open(server.usdm.ws);
    const from = clock.wall;
    clock.wall = from + 86_400_000 - 600_001;
    server.sweep();
    await spot.settled();
    expect(spot.heard).toEqual([]);
    clock.wall++;
    server.sweep();
    server.sweep();
    expect(await spot.until(1)).toEqual([{ e: 'serverShutdown', E: clock.wall }]);
    clock.wall = from + 86_399_999;
    server.sweep();
    await usdm.settled();
    expect([spot.closed, usdm.closed]).toEqual([false, false]);
    clock.wall++;
    server.sweep();
    expect([await spot.closing, await usdm.closing]).toEqual([1001, 1001]);
    expect([spot.heard.length, usdm.heard.length]).toEqual([1, 0]);
  });

  it('ends with the server, with a word to Spot’s clients', async () => {
    const d = await start();
    const ear = await Ear.open(d.server.spot.ws);
    await d.close();
    expect(await ear.closing).toBe(1001);
    expect(ear.heard.map((t) => JSON.parse(t))).toEqual([{ e: 'serverShutdown', E: d.clock.wall }]);
  });
});

describe('the user stream of USD-M', () => {
  const key = async (d: Double, method = 'POST') =>
    ask(`${d.server.usdm.rest}/fapi/v1/listenKey`, { method, headers: KEY });

  it('comes under a listen key, which POST repeats and PUT keeps alive for an hour', async () => {
    const d = await start();
    expect((await ask(`${d.server.usdm.rest}/fapi/v1/listenKey`, { method: 'POST' })).body['code']).toBe(-2014);
    expect((await key(d, 'PUT')).body).toEqual({ code: -1125, msg: 'This listenKey does not exist.' });
    const { listenKey } = (await key(d)).body as { listenKey: string };
    expect(listenKey).toMatch(/^[A-Za-z0-9]{64}$/);
    expect((await key(d)).body).toEqual({ listenKey });
    const ear = await Ear.open(`${base(d.server.usdm)}/private/ws?listenKey=${listenKey}`);
    const path = await Ear.open(`${base(d.server.usdm)}/ws/${listenKey}`);
    const combined = await Ear.open(`${base(d.server.usdm)}/private/stream?streams=${listenKey}`);
    const some = await Ear.open(`${base(d.server.usdm)}/private/ws?listenKey=${listenKey}&events=ACCOUNT_UPDATE`);
    const wrong = await Ear.open(`${base(d.server.usdm)}/private/ws?listenKey=other`);
    d.usdm.onUserEvent({ e: 'ORDER_TRADE_UPDATE', E: 1 });
    d.usdm.onUserEvent({ e: 'ACCOUNT_UPDATE', E: 2 });
    const both = [
      { e: 'ORDER_TRADE_UPDATE', E: 1 },
      { e: 'ACCOUNT_UPDATE', E: 2 },
    ];
    expect(await ear.until(2)).toEqual(both);
    expect(await path.until(2)).toEqual(both);
    expect(await combined.until(2)).toEqual(both.map((data) => ({ stream: listenKey, data })));
    expect(await some.until(1)).toEqual(both.slice(1));
    await wrong.settled();
    expect(wrong.heard).toEqual([]);
    d.clock.wall += 3_599_999;
    expect((await key(d, 'PUT')).body).toEqual({ listenKey });
    // The pings' own limits are not what this is about.
    d.clock.wall += 3_599_999;
    d.usdm.onUserEvent({ e: 'ACCOUNT_UPDATE', E: 3 });
    expect(await ear.until(3)).toHaveLength(3);
    for (const e of [path, combined, some, wrong]) e.ws.terminate();
  });

  it('says listenKeyExpired and falls silent without a disconnect; the next key is another', async () => {
    const d = await start({ life: { usdm: { pongMs: 1e12 } } });
    const { listenKey } = (await key(d)).body as { listenKey: string };
    const ear = await Ear.open(`${base(d.server.usdm)}/private/ws?listenKey=${listenKey}`);
    d.clock.wall += 3_600_000;
    d.server.sweep();
    expect(await ear.until(1)).toEqual([{ e: 'listenKeyExpired', E: d.clock.wall, listenKey }]);
    expect((await key(d, 'PUT')).body['code']).toBe(-1125);
    const next = (await key(d)).body['listenKey'] as string;
    expect(next).not.toBe(listenKey);
    d.usdm.onUserEvent({ e: 'ACCOUNT_UPDATE' });
    await ear.settled();
    expect([ear.heard.length, ear.closed]).toEqual([1, false]);
    const other = await Ear.open(`${base(d.server.usdm)}/private/ws`);
    other.send({ method: 'SUBSCRIBE', params: [next], id: 1 });
    await other.until(1);
    d.usdm.onUserEvent({ e: 'ACCOUNT_UPDATE' });
    await other.until(2);
    expect((await key(d, 'DELETE')).body).toEqual({});
    d.usdm.onUserEvent({ e: 'ACCOUNT_UPDATE' });
    await other.settled();
    expect(other.heard).toHaveLength(2);
  });
});

describe('the websocket API', () => {
  const params = (d: Double, p: Record<string, unknown>) => {
    const all: Record<string, unknown> = { ...p, apiKey: ACCOUNT.apiKey, timestamp: d.clock.wall };
    const payload = Object.keys(all)
      .sort()
      .map((k) => `${k}=${all[k]}`)
      .join('&');
    return { ...all, signature: sign(ACCOUNT.secret, payload) };
  };
  const api = (d: Double, market: 'usdm' | 'spot', query = '') =>
    Ear.open(`${base(d.server[market])}/${market === 'usdm' ? 'ws-fapi/v1' : 'ws-api/v3'}${query}`);

  it('calls routes by their names, with signatures over the sorted parameters, and echoes ids', async () => {
    const d = await start();
    for (const market of ['usdm', 'spot'] as const) {
      const ear = await api(d, market);
      ear.send({ id: 'a-1', method: 'ping' });
      ear.send({ id: 7, method: 'time' });
      const order = { symbol: 'BTCUSDT', newClientOrderId: 'ws', quantity: 0.5, stopLossPrice: '1' };
      ear.send({ id: 8, method: 'order.place', params: params(d, order) });
      ear.send({ id: 9, method: 'order.status', params: params(d, { origClientOrderId: 'none' }) });
      const heard = await ear.until(4);
      expect(heard[0]).toMatchObject({ id: 'a-1', status: 200, result: {} });
      expect(heard[1]).toMatchObject({ id: 7, status: 200, result: { serverTime: d.clock.wall } });
      expect(heard[2]).toMatchObject({ id: 8, status: 200, result: { clientOrderId: 'ws' } });
      expect(heard[3]).toMatchObject({ id: 9, status: 400, error: { code: -2013, msg: 'Order does not exist.' } });
      const limits = (heard[2] as { rateLimits: { rateLimitType: string; count: number }[] }).rateLimits;
      expect(limits.map((l) => [l.rateLimitType, l.count])).toEqual([
        ['REQUEST_WEIGHT', market === 'usdm' ? 7 : 4],
        ['ORDERS', 1],
        ['ORDERS', 1],
      ]);
    }
    const quiet = await api(d, 'spot', '?returnRateLimits=false');
    quiet.send({ id: 1, method: 'ping' });
    expect(await quiet.until(1)).toEqual([{ id: 1, status: 200, result: {} }]);
  });

  it('refuses as REST does', async () => {
    const d = await start();
    const ear = await api(d, 'usdm', '?returnRateLimits=false');
    const good = params(d, { symbol: 'BTCUSDT' });
    const bad: [unknown, number, number][] = [
      ['{', 400, -1135],
      [{ id: 1 }, 400, -1135],
      [{ id: 1, method: 'ping', params: [] }, 400, -1135],
      [{ id: {}, method: 'ping' }, 400, -1135],
      [{ id: 1, method: 'order.dance' }, 400, -1020],
      [{ id: 1, method: 'userDataStream.subscribe' }, 400, -1020],
      [{ id: 1, method: 'toString' }, 400, -1020],
      [{ id: 1, method: 'order.place', params: { ...good, apiKey: undefined } }, 401, -2014],
      [{ id: 1, method: 'order.place', params: { ...good, apiKey: 'z'.repeat(64) } }, 401, -2015],
      [{ id: 1, method: 'order.place', params: { ...good, symbol: 'ETHUSDT' } }, 400, -1022],
      [{ id: 1, method: 'order.place', params: { ...good, timestamp: 1 } }, 400, -1021],
      [{ id: 1, method: 'order.place', params: { ...good, signature: undefined } }, 400, -1102],
    ];
    for (const [message] of bad) ear.send(message);
    const heard = (await ear.until(bad.length)) as { status: number; error: { code: number } }[];
    expect(heard.map((h) => [h.status, h.error.code])).toEqual(bad.map(([, status, code]) => [status, code]));
    expect(d.usdm.placed).toBe(0);
  });

  it('signs texts beyond ASCII either plain or percent-encoded', async () => {
    const d = await start();
    const ear = await api(d, 'usdm', '?returnRateLimits=false');
    const all = { apiKey: ACCOUNT.apiKey, newClientOrderId: 'ä b', symbol: 'BTCUSDT', timestamp: d.clock.wall };
    const plain = Object.entries(all)
      .map(([k, v]) => `${k}=${v}`)
      .join('&');
    const encoded = Object.entries(all)
      .map(([k, v]) => `${k}=${encodeURIComponent(v)}`)
      .join('&');
    for (const text of [plain, encoded])
      ear.send({ id: 1, method: 'order.place', params: { ...all, signature: sign(ACCOUNT.secret, text) } });
    expect(await ear.until(2)).toMatchObject([{ status: 200 }, { status: 200 }]);
  });

  it('has a session that needs no signature any more', async () => {
    const d = await start();
    const ear = await api(d, 'spot', '?returnRateLimits=false');
    ear.send({ id: 1, method: 'session.logon', params: params(d, {}) });
    ear.send({ id: 2, method: 'order.place', params: { symbol: 'BTCUSDT', timestamp: d.clock.wall } });
    ear.send({ id: 3, method: 'order.place', params: { symbol: 'BTCUSDT', timestamp: 1 } });
    ear.send({ id: 4, method: 'userDataStream.subscribe' });
    ear.send({ id: 5, method: 'session.logout' });
    ear.send({ id: 6, method: 'order.place', params: { symbol: 'BTCUSDT', timestamp: d.clock.wall } });
    expect(await ear.until(6)).toMatchObject([
      { id: 1, result: { apiKey: ACCOUNT.apiKey, authorizedSince: d.clock.wall } },
      { id: 2, status: 200 },
      { id: 3, error: { code: -1021 } },
      { id: 4, result: { subscriptionId: 0 } },
      { id: 5, result: { authorizedSince: null } },
      { id: 6, error: { code: -2014 } },
    ]);
  });

  it('carries the Spot user stream by signature, until it is unsubscribed', async () => {
    const d = await start();
    const ear = await api(d, 'spot', '?returnRateLimits=false');
    const subscribe = { method: 'userDataStream.subscribe.signature', params: params(d, { recvWindow: 10_000 }) };
    ear.send({ id: 1, ...subscribe });
    expect(await ear.until(1)).toEqual([{ id: 1, status: 200, result: { subscriptionId: 0 } }]);
    d.spot.onUserEvent({ e: 'executionReport', c: 'x' });
    expect((await ear.until(2))[1]).toEqual({ subscriptionId: 0, event: { e: 'executionReport', c: 'x' } });
    ear.send({ id: 2, ...subscribe });
    expect((await ear.until(3))[2]).toMatchObject({ error: { code: -2035 } });
    ear.send({ id: 3, method: 'userDataStream.unsubscribe', params: { subscriptionId: 0 } });
    expect((await ear.until(5)).slice(3)).toEqual([
      { id: 3, status: 200, result: {} },
      { subscriptionId: 0, event: { e: 'eventStreamTerminated', E: d.clock.wall } },
    ]);
    d.spot.onUserEvent({ e: 'executionReport' });
    ear.send({ id: 4, method: 'userDataStream.unsubscribe' });
    expect((await ear.until(6))[5]).toMatchObject({ id: 4, error: { code: -2036 } });
    ear.send({ id: 5, ...subscribe });
    expect((await ear.until(7))[6]).toMatchObject({ result: { subscriptionId: 1 } });
  });

  it('has listen keys on USD-M', async () => {
    const d = await start();
    const ear = await api(d, 'usdm', '?returnRateLimits=false');
    ear.send({ id: 1, method: 'userDataStream.start', params: { apiKey: ACCOUNT.apiKey } });
    const [first] = (await ear.until(1)) as { result: { listenKey: string } }[];
    ear.send({ id: 2, method: 'userDataStream.ping', params: { apiKey: ACCOUNT.apiKey } });
    expect((await ear.until(2))[1]).toEqual({ id: 2, status: 200, result: first!.result });
  });
});

describe('a server that is stormed', () => {
  it('answers while 2,000 connections are opened in steps', async () => {
    const all = Number.POSITIVE_INFINITY;
    const { server } = await start({ limits: { usdm: { connections: all } } });
    const open: WebSocket[] = [];
    for (let step = 0; step < 10; step++) {
      const opened = Array.from({ length: 200 }, () => {
        const ws = new WebSocket(`${base(server.usdm)}/ws/btcusdt@trade`);
        ws.on('error', () => {});
        open.push(ws);
        return new Promise((done) => ws.once('open', done));
      });
      await Promise.all(opened);
      expect((await ask(`${server.usdm.rest}/fapi/v1/ping`)).status).toBe(200);
    }
    expect((server.status() as { usdm: { connections: number } }).usdm.connections).toBe(2000);
    let heard = 0;
    const all2000 = Promise.all(
      open.map((ws) => new Promise<number>((done) => ws.once('message', () => done(++heard)))),
    );
    server.publish('usdm', 'btcusdt@trade', '{"t":1}');
    await all2000;
    expect(heard).toBe(2000);
    for (const ws of open) ws.terminate();
  });
  it('closes what is beyond its number of sockets, and goes on', async () => {
    const { server } = await start({ limits: { usdm: { sockets: 20, connections: Number.POSITIVE_INFINITY } } });
    const ears = Array.from({ length: 60 }, () => new Ear(server.usdm.ws));
    await Promise.all(ears.map((e) => Promise.race([e.closing, new Promise((done) => e.ws.once('open', done))])));
    expect(ears.filter((e) => !e.closed)).toHaveLength(20);
    for (const e of ears) e.ws.terminate();
    await Promise.all(ears.map((e) => e.closing));
    for (;;) if ((await ask(`${server.usdm.rest}/fapi/v1/ping`).catch(() => undefined))?.status === 200) break;
  });
});
