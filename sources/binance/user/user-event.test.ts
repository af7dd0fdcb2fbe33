import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUserEvent } from './user-event.ts';

const FILE = join(process.env['CHIMERA_DATA'] ?? '../shared/data', 'user-data', 'events.jsonl');

describe('parseUserEvent', () => {
  it('reads an order event, bare, in a combined stream, and from the websocket API', () => {
    const frame = {
      e: 'ORDER_TRADE_UPDATE',
      T: 5,
      E: 6,
      o: {
        s: 'BTCUSDT',
        c: 'x',
        S: 'SELL',
        o: 'MARKET',
        ot: 'STOP_MARKET',
        f: 'GTC',
        q: '0.1',
        x: 'TRADE',
        X: 'FILLED',
        i: 7,
        l: '0.1',
        z: '0.1',
        L: '9',
        n: '0.2',
        N: 'USDT',
        T: 5,
        t: 3,
        m: true,
        R: true,
        rp: '-1',
        cp: false,
      },
    };
    const e = parseUserEvent(frame);
    expect(e).toMatchObject({
      kind: 'order',
      clientId: 'x',
      side: 'sell',
      type: 'MARKET',
      originalType: 'STOP_MARKET',
      orderId: '7',
      tradeId: 3,
      maker: true,
      reduceOnly: true,
      realized: '-1',
      fee: '0.2',
      timeMs: 5,
    });
    expect(parseUserEvent({ stream: 'key', data: frame })).toEqual(e);
    expect(parseUserEvent({ subscriptionId: 0, event: frame })).toEqual(e);
  });
  it('keeps large ids exactly, also where the client has made texts of them', () => {
    const o = { s: 'A', c: 'x', S: 'BUY', x: 'NEW', X: 'NEW' };
    for (const i of [199033476993, '199033476993', '90071992547409931'])
      expect(parseUserEvent({ e: 'ORDER_TRADE_UPDATE', o: { ...o, i } })).toMatchObject({ orderId: String(i) });
  });
  it('knows what a conditional order has become', () => {
    const algo = {
      caid: 'g',
      aid: 11,
      s: 'BTCUSDT',
      S: 'SELL',
      o: 'STOP_MARKET',
      f: 'GTC',
      q: '0',
      tp: '9.5',
      X: 'TRIGGERED',
      ai: '77',
      cp: true,
      rm: '',
    };
    expect(parseUserEvent({ e: 'ALGO_UPDATE', T: 1, o: algo })).toMatchObject({
      kind: 'algo',
      algoId: '11',
      childId: '77',
      status: 'TRIGGERED',
      closePosition: true,
    });
    expect(parseUserEvent({ e: 'ALGO_UPDATE', T: 1, o: { ...algo, ai: '' } })).toMatchObject({ childId: '' });
  });
  it('is silent about frames of other kinds, and never throws', () => {
    expect(parseUserEvent({ e: 'TRADE_LITE', s: 'BTCUSDT' })).toBeUndefined();
    expect(parseUserEvent({ id: 1, result: null })).toBeUndefined();
    expect(parseUserEvent({ e: 'listenKeyExpired', E: 9 })).toEqual({
      kind: 'stream',
      name: 'listenKeyExpired',
      timeMs: 9,
    });
    const names = [
      'ORDER_TRADE_UPDATE',
      'ALGO_UPDATE',
      'ACCOUNT_UPDATE',
      'executionReport',
      'outboundAccountPosition',
      'balanceUpdate',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (e, v) => {
        parseUserEvent({ e, o: v, a: v, B: v });
        parseUserEvent(v);
      }),
    );
  });
  it.skipIf(!existsSync(FILE))(
    'reads every recorded frame of both markets; a Spot cancel by the id of its order',
    () => {
      const lines = readFileSync(FILE, 'utf8')
        .trim()
        .split('\n')
        .map((l) => JSON.parse(l) as { seq: string; event: { e: string } });
      for (const { seq, event } of lines)
        if (event.e === 'TRADE_LITE') expect([seq, parseUserEvent(event)]).toEqual([seq, undefined]);
        else expect([seq, parseUserEvent(event)?.kind]).not.toEqual([seq, undefined]);
      const by = (seq: string) => parseUserEvent(lines.find((l) => l.seq === seq)!.event);
      expect(by('K3')).toMatchObject({ clientId: 'daa3Lntyw5phO7yGkmkUzn', exec: 'CANCELED' });
      expect(by('J2')).toMatchObject({ feeAsset: 'BNB', tradeId: 146728940, cumQty: '1.95000000' });
      expect(by('J1')).toMatchObject({ feeAsset: '', tradeId: 0 });
    },
  );
});
