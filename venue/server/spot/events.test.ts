import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Client, type Json } from './testing.ts';

const DATA = process.env['CHIMERA_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data');
const RECORDED = resolve(DATA, 'user-data/events.jsonl');

interface Recorded {
  market: string;
  seq: string;
  event: Json;
}
const recorded = (): Recorded[] =>
  readFileSync(RECORDED, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
    .filter((r) => r.market.startsWith('spot'));
/** The kind of a value: fields of the recording and of ours have to agree in it. */
const kindOf = (v: unknown): string => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v);
const shape = (e: Json): Record<string, string> =>
  Object.fromEntries(Object.entries(e).map(([k, v]) => [k, kindOf(v)]));

function session(): Client {
  const c = new Client().book([[49_990, 1]], [[50_000, 1]]).trade(50_000, 0.01);
  c.limit('BUY', '0.01', '11000', { newClientOrderId: 'a' });
  c.call('DELETE', '/api/v3/order', { origClientOrderId: 'a', newClientOrderId: 'b' });
  c.order({ side: 'BUY', type: 'MARKET', quoteOrderQty: '1000' });
  c.engine.deposit('USDT', 1e8, c.nowUs);
  return c;
}

describe('user events of Spot', () => {
  it.skipIf(!existsSync(RECORDED))('have the fields and the order of recorded ones (absent: recordings)', () => {
    const { events } = session();
    const of = (seq: string): Json => recorded().find((r) => r.seq === seq)!.event;
    const ours = (x: string, X: string): Json => events.find((e) => e['x'] === x && e['X'] === X)!;
    // Fields that came with later versions of the exchange: working time and self-trade prevention.
    const later = { W: 'number', V: 'string' };
    const pairs: [Json, Json, object][] = [
      [of('K1'), ours('NEW', 'NEW'), later],
      [of('L1'), ours('NEW', 'NEW'), {}],
      [of('K3'), ours('CANCELED', 'CANCELED'), later],
      [of('J2'), ours('TRADE', 'FILLED'), later],
      [of('K2'), events.find((e) => e['e'] === 'outboundAccountPosition')!, {}],
      [of('P1'), events.find((e) => e['e'] === 'balanceUpdate')!, {}],
    ];
    for (const [theirs, mine, more] of pairs) {
      expect(shape(mine)).toEqual({ ...shape(theirs), ...more });
      expect(Object.keys(mine).slice(0, 30)).toEqual(Object.keys(theirs).slice(0, 30));
    }
    const told = events.map((e) => `${e['e']} ${e['x'] ?? ''}`);
    expect(told.slice(0, 4).map((t) => t.trim())).toEqual(
      ['K1', 'K2', 'K3', 'K4'].map((s) => `${of(s)['e']} ${of(s)['x'] ?? ''}`.trim()),
    );
    expect(told.slice(4, 7).map((t) => t.trim())).toEqual(
      ['J1', 'J2', 'J3'].map((s) => `${of(s)['e']} ${of(s)['x'] ?? ''}`.trim()),
    );
  });

  it('tell a transfer as a delta and as the balance after it', () => {
    const c = session();
    expect(c.events.slice(-2)).toMatchObject([
      { e: 'balanceUpdate', a: 'USDT', d: '1.00000000' },
      { e: 'outboundAccountPosition', B: [{ a: 'USDT', f: '9001.00000000' }] },
    ]);
    expect(() => c.engine.withdraw('USDT', 1e13, c.nowUs)).toThrow('insufficient');
    expect(() => c.engine.withdraw('ABC', 1, c.nowUs)).toThrow('insufficient');
  });

  it('and answers come back after both latencies, in order of market time', async () => {
    const c = new Client({ orderLatencyUs: 5000, responseLatencyUs: 3000 });
    c.book([[49_990, 1]], [[50_000, 1]]).trade(50_000, 0.01);
    const sent = c.nowUs + 1000;
    let answer: Json | undefined;
    const waiting = (c.limit('BUY', '0.01', '50000') as unknown as Promise<Json>).then((a) => {
      answer = a;
    });
    expect(c.engine.nextUs()).toBe(sent + 5000);
    // The ask that was there is gone when the order arrives.
    c.book([[49_990, 1]], [[50_001, 1]]);
    c.engine.advance(sent + 5000);
    expect([c.events.length, c.engine.nextUs()]).toEqual([0, sent + 8000]);
    c.engine.advance(sent + 8000);
    await waiting;
    expect(answer).toMatchObject({ status: 'NEW', transactTime: (sent + 5000) / 1000 });
    expect(c.told()).toEqual([`${answer!['clientOrderId']} NEW NEW`, 'position']);
    expect(c.engine.nextUs()).toBe(Number.POSITIVE_INFINITY);
  });
});
