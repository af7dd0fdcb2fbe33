import { describe, expect, it } from 'vitest';
import { decode, encode } from '../graph/codec/index.ts';
import { Drive } from '../graph/testing/drive.ts';
import { touch } from './touch.ts';

const T = 1_700_000_000_000_000;
type Row = Record<string, unknown>;
const order = (client_id: string, side: string, more: Row = {}): Row => ({
  action: 'place',
  client_id,
  side,
  type: 'limit',
  tif: 'gtx',
  qty: 10,
  px: 10_000,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'entry',
  ...more,
});
const best = (bid_px: number, bid_qty: number, ask_px = bid_px + 1, ask_qty = 5000): Row => ({
  bid_px,
  bid_qty,
  ask_px,
  ask_qty,
});
const sell = (px: number, qty: number): Row => ({ px, qty, side: 'sell', on_market: true });
const make = () => new Drive(touch, {});
const short = (d: ReturnType<typeof make>): unknown[] =>
  d
    .on('report')
    .map((r) =>
      r['exec'] === 'trade' ? [r['client_id'], r['last_px'], r['last_qty'], r['maker']] : `${r['exec']} ${r['code']}`,
    );

describe('venue.touch', () => {
  it('fills a bid when trades have gone past the quantity that stood ahead; cancels ahead do not count', () => {
    const d = make();
    d.send(T, { best: [best(10_000, 500)], order: [order('a', 'buy')] });
    d.send(T, { trade: [sell(10_000, 300)] });
    d.send(T, { best: [best(10_000, 1)] }); // the queue vanishes: no help
    d.send(T, { trade: [{ ...sell(10_000, 9999), side: 'buy' }] });
    d.send(T, { trade: [{ ...sell(9_000, 9999), on_market: false }] });
    d.send(T, { trade: [sell(10_000, 200)] });
    expect(short(d)).toEqual(['new 0']);
    d.send(T, { trade: [sell(10_000, 1)] });
    expect(short(d)).toEqual(['new 0', ['a', 10_000, 10, true]]);
    // 0.01 × 100.00 × 2 bp
    expect(d.on('report').at(-1)).toMatchObject({ fee: 20_000, status: 'filled' });
  });
  it('fills a bid when a sell prints below it', () => {
    const d = make();
    d.send(T, { best: [best(10_000, 500)], order: [order('a', 'buy')] });
    d.send(T, { trade: [sell(9_999, 1)] });
    expect(short(d)).toEqual(['new 0', ['a', 10_000, 10, true]]);
  });
  it('has nothing ahead inside the spread and an unknown queue behind the best price', () => {
    const d = make();
    d.send(T, {
      best: [best(10_000, 500, 10_005)],
      order: [order('a', 'buy', { px: 10_002 }), order('b', 'buy', { px: 9_990 })],
    });
    d.send(T, { trade: [sell(10_002, 1)] });
    d.send(T, { trade: [sell(9_990, 1e6)] });
    expect(short(d)).toEqual(['new 0', 'new 0', ['a', 10_002, 10, true]]);
  });
  it('fills market orders and crossing limits at the touch of the same cycle as taker', () => {
    const d = make();
    d.send(T, { best: [best(10_000, 500)], order: [order('a', 'buy', { type: 'market' })] });
    d.send(T, { best: [best(10_050, 500)], order: [order('b', 'sell', { type: 'market', qty: 5 })] });
    d.send(T, { order: [order('c', 'sell', { tif: 'gtc', px: 10_049, qty: 5 })] });
    expect(short(d)).toEqual([
      'new 0',
      ['a', 10_001, 10, false],
      'new 0',
      ['b', 10_050, 5, false],
      'new 0',
      ['c', 10_050, 5, false],
    ]);
    // Bought 0.01 at 100.01 and sold at 100.50: + 0.0049; fees 5 bp of 1.0001 and 1.005 (halves rounded away).
    expect(d.on('account').at(-1)).toMatchObject({
      wallet: 100_000e8 + 490_000 - 50_005 - 25_125 - 25_125,
      position_qty: 0,
    });
  });
  it('refuses post-only orders that would cross and conditional orders, and expires what cannot trade', () => {
    const d = make();
    d.send(T, { order: [order('z', 'buy', { type: 'market' })] });
    d.send(T, {
      best: [best(10_000, 500)],
      order: [
        order('a', 'buy', { px: 10_001 }),
        order('b', 'sell', { type: 'stop_market', stop_px: 9_000 }),
        order('c', 'buy', { tif: 'ioc' }),
        order('d', 'buy', { action: 'cancel' }),
      ],
    });
    expect(short(d)).toEqual([
      'new 0',
      'expired 0',
      'rejected -5022',
      'rejected -4120',
      'new 0',
      'expired 0',
      'rejected -2011',
    ]);
  });
  it('goes on from a copied state as from the original', () => {
    const run = (cut: number): unknown => {
      const d = make();
      for (let n = 0; n < 60; n++) {
        if (n === cut) d.state = decode(encode(d.state)) as typeof d.state;
        const px = 10_000 + ((n * 31) % 5);
        d.send(T + n, {
          best: [best(px, 300)],
          order: n % 4 === 0 ? [order(`o${n}`, n % 8 ? 'sell' : 'buy', { px: n % 8 ? px + 1 : px })] : [],
        });
        d.send(T + n, { trade: [sell(px, 170)] });
      }
      return [d.emitted, d.state];
    };
    for (const cut of [3, 20, 41]) expect(run(cut)).toEqual(run(-1));
  });
});
