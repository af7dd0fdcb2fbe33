import { describe, expect, it } from 'vitest';
import { Drive, type Emitted } from '../../graph/testing/drive.ts';
import { lastGate } from './last-gate.ts';

const S = 1_000_000;
const MS = 1000;
type Row = Record<string, unknown>;
const NONE = Number.NaN;

const place = (id: string, more: Row = {}): Row => ({
  action: 'place',
  client_id: id,
  side: 'buy',
  type: 'limit',
  tif: 'gtx',
  qty: 6,
  px: 10000,
  stop_px: NONE,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: `i-${id}`,
  origin: 'entry',
  ...more,
});
const closing = { side: 'sell', type: 'market', reduce_only: true, origin: 'exit' };
const stop = { side: 'sell', type: 'stop_market', close_position: true, qty: 0, origin: 'guardian' };
const report = (id: string, exec: string, more: Row = {}): Row => ({
  client_id: id,
  exec,
  status: exec === 'status' || exec === 'unknown' || exec === 'triggered' ? 'new' : exec === 'trade' ? 'filled' : exec,
  code: 0,
  reason: '',
  side: 'buy',
  type: 'limit',
  reduce_only: false,
  last_px: 10000,
  last_qty: 0,
  time_ms: 0,
  ...more,
});
const account = (qty: number, timeMs = 1e9): Row => ({ position_qty: qty, time_ms: timeMs });
const state = (engaged: boolean, more: Row = {}): Row => ({
  engaged,
  paused: false,
  reason: 'drill',
  cause: engaged ? 'engage' : 'release',
  who: 'ana',
  correlation_id: 'c1',
  since_us: 0,
  ...more,
});

class Gate {
  readonly d: Drive<typeof lastGate.ports.in, never>;
  constructor(key = 'usdm:BTCUSDT', known = true) {
    this.d = new Drive(lastGate as never, {}, { key });
    if (known) this.d.send(0, { kill: state(false, { cause: 'start' }) });
  }
  /** Orders that leave. */
  send(now: number, ticks: Record<string, Row | Row[]>): Row[] {
    return leaving(this.d.send(now, ticks));
  }
  advance(now: number): Row[] {
    return leaving(this.d.advance(now));
  }
  last(port: string): Row | undefined {
    return this.d.on(port as never).at(-1);
  }
  get phase(): unknown {
    return this.last('status')?.['phase'];
  }
}
const leaving = (out: Emitted[]): Row[] => out.filter((e) => e.port === 'order').map((e) => e.values);

describe('the last gate', () => {
  it('lets everything out while the switch is released', () => {
    const g = new Gate();
    for (const o of [place('a'), place('b', closing), place('c', stop)])
      expect(g.send(S, { order: [o] })).toMatchObject([{ client_id: o['client_id'] }]);
    expect(g.last('verdict')).toBeUndefined();
  });

  it('refuses what adds risk while engaged or paused, says why, and tells the router; what reduces risk passes', () => {
    for (const [halt, why] of [
      [state(true), 'the kill switch is engaged: drill'],
      [state(false, { paused: true }), 'new risk is paused: drill'],
    ] as const) {
      const g = new Gate();
      g.send(S, { kill: halt });
      expect(g.send(2 * S, { order: [place('a')] })).toEqual([]);
      expect(g.last('verdict')).toMatchObject({ intent_id: 'i-a', allowed: false, gate: 'kill_switch', reason: why });
      expect(g.last('refused')).toMatchObject({ client_id: 'a', exec: 'rejected', status: 'rejected', reason: why });
      expect(g.send(3 * S, { order: [place('b', closing)] })).toMatchObject([{ client_id: 'b' }]);
      expect(g.send(3 * S, { order: [place('c', stop)] })).toMatchObject([{ client_id: 'c' }]);
    }
  });

  it('refuses an entry of the very cycle in which the switch is engaged', () => {
    const g = new Gate();
    expect(g.send(S, { kill: state(true), order: [place('a')] })).toEqual([]);
  });

  it('counts a switch that has said nothing as engaged', () => {
    const g = new Gate('usdm:BTCUSDT', false);
    expect(g.send(S, { order: [place('a')] })).toEqual([]);
    expect(g.last('verdict')).toMatchObject({
      reason: 'the state of the kill switch is not known: it counts as engaged',
    });
    expect(g.send(S, { order: [place('b', closing)] })).toMatchObject([{ client_id: 'b' }]);
  });

  it('holds its latch when the switch starts anew without a release', () => {
    const g = new Gate();
    g.send(S, { kill: state(true) });
    g.send(2 * S, { kill: state(false, { cause: 'start' }) });
    expect(g.send(3 * S, { order: [place('a')] })).toEqual([]);
    g.send(4 * S, { kill: state(false, { cause: 'release' }) });
    expect(g.send(5 * S, { order: [place('b')] })).toMatchObject([{ client_id: 'b' }]);
    expect(g.phase).toBe('released');
  });

  it('cancels every order that adds risk, also of others, once, and again with a query when nothing is heard', () => {
    const g = new Gate();
    g.send(S, { order: [place('a')] });
    g.send(S, { order: [place('s', stop)] });
    g.send(2 * S, { report: [report('a', 'new'), report('hand', 'new'), report('s', 'new', { type: 'stop_market' })] });
    expect(g.send(3 * S, { kill: state(true) })).toMatchObject([
      { action: 'cancel', client_id: 'a' },
      { action: 'cancel', client_id: 'hand' },
    ]);
    expect(g.phase).toBe('cancelling');
    expect(g.last('status')).toMatchObject({ orders: 2, resting: 1, engaged_us: 3 * S });
    expect(g.send(3 * S + MS, { report: [report('a', 'canceled')] })).toEqual([]);
    expect(g.advance(6 * S)).toMatchObject([
      { action: 'query', client_id: 'hand' },
      { action: 'cancel', client_id: 'hand' },
    ]);
  });

  it('does not repeat the cancel that the router sends in the same cycle', () => {
    const g = new Gate();
    g.send(S, { order: [place('a')] });
    const sent = g.send(2 * S, { kill: state(true), order: [place('a', { action: 'cancel' })] });
    expect(sent).toMatchObject([{ action: 'cancel', client_id: 'a' }]);
  });

  it('cancels an order of which nobody knows whether the venue has it, so that it is not sent again', () => {
    const g = new Gate();
    g.send(S, { order: [place('a')] });
    g.send(2 * S, { report: [report('a', 'unknown')] });
    expect(g.send(3 * S, { kill: state(true) })).toMatchObject([{ action: 'cancel', client_id: 'a' }]);
    expect(g.last('status')).toMatchObject({ unknown: 1, orders: 1, phase: 'cancelling' });
    g.send(4 * S, { report: [report('a', 'rejected', { code: -2013 })] });
    expect(g.phase).toBe('flat');
  });

  it('leaves closing to the router, and is flat when the venue says so, in a word as new as the last fill', () => {
    const g = new Gate();
    g.send(S, { account: [account(6, 1000)] });
    g.send(2 * S, { kill: state(true), order: [place('x', closing)] });
    expect(g.phase).toBe('flattening');
    expect(g.last('status')).toMatchObject({ positions: 1, closing: 1, cancelled_us: 2 * S, flat_us: NONE });
    g.send(3 * S, { report: [report('x', 'trade', { time_ms: 3000 })] });
    expect(g.phase).toBe('flattening');
    // An older word that says 0 proves nothing.
    g.send(3 * S + MS, { account: [account(0, 2000)] });
    expect(g.phase).toBe('flattening');
    g.send(3 * S + 2 * MS, { account: [account(0, 3000)] });
    expect(g.phase).toBe('flat');
    expect(g.last('flat')).toMatchObject({ position_qty: 0, venue_ms: 3000, engaged_us: 2 * S, reason: 'drill' });
    expect(g.last('status')).toMatchObject({ flat_us: 3 * S + 2 * MS, positions: 0 });
  });

  it('closes by itself what nobody closes: reduce-only, one order at a time, the next after the end of the one before', () => {
    const g = new Gate();
    g.send(S, { account: [account(-6)] });
    g.send(2 * S, { kill: state(true) });
    const [a] = g.advance(3 * S);
    expect(a).toMatchObject({
      action: 'place',
      type: 'market',
      side: 'buy',
      qty: 6,
      reduce_only: true,
      origin: 'operator',
    });
    expect(String(a!['client_id'])).toMatch(/^kill-[.A-Z:/a-z0-9_-]{1,31}$/);
    // No answer: it is asked for, and nothing is sold twice.
    expect(g.advance(6 * S)).toMatchObject([{ action: 'query', client_id: a!['client_id'] }]);
    expect(g.send(7 * S, { report: [report(String(a!['client_id']), 'unknown')] })).toEqual([]);
    expect(g.advance(20 * S).every((o) => o['action'] === 'query')).toBe(true);
    g.send(21 * S, { report: [report(String(a!['client_id']), 'rejected', { code: -2013 })] });
    const [b] = g.advance(23 * S);
    expect(b).toMatchObject({ action: 'place', side: 'buy', qty: 6, reduce_only: true });
    g.send(24 * S, { report: [report(String(b!['client_id']), 'trade')], account: [account(0)] });
    expect(g.phase).toBe('flat');
  });

  it('keeps guardian stops until flat is proven, then cancels what is left of them', () => {
    const g = new Gate();
    g.send(S, { order: [place('s', stop)] });
    g.send(S, { report: [report('s', 'new', { type: 'stop_market' })], account: [account(6, 1000)] });
    g.send(2 * S, { kill: state(true), order: [place('x', closing)] });
    expect(
      g.send(3 * S, { report: [report('x', 'trade', { time_ms: 3000 })], account: [account(0, 3000)] }),
    ).toMatchObject([{ action: 'cancel', client_id: 's' }]);
    expect(g.phase).toBe('flattening');
    g.send(4 * S, { report: [report('s', 'canceled', { type: 'stop_market' })] });
    expect(g.phase).toBe('flat');
  });

  it('on Spot cancels the stops that hold the asset before it sells, and calls flat what is too small to sell', () => {
    const g = new Gate('spot:BTCUSDT');
    g.send(S, { order: [place('s', stop)] });
    g.send(S, { report: [report('s', 'new', { type: 'stop_market', side: 'sell' })], account: [account(6000)] });
    g.send(2 * S, { kill: state(true) });
    expect(g.advance(3 * S)).toMatchObject([{ action: 'cancel', client_id: 's' }]);
    const [sell] = g.send(3 * S + MS, { report: [report('s', 'canceled', { side: 'sell' })] });
    expect(sell).toMatchObject({ action: 'place', type: 'market', side: 'sell', qty: 6000, reduce_only: true });
    const dust = [report(String(sell!['client_id']), 'trade', { time_ms: 2e9, last_px: 10000 })];
    // 0.04 × 100 = 4 USDT, below the 5 that an order must have.
    g.send(4 * S, { report: dust, account: [account(40, 2e9)] });
    expect(g.phase).toBe('flat');
    expect(g.last('flat')).toMatchObject({ position_qty: 40 });
  });

  it('closes again what appears after it was flat', () => {
    const g = new Gate();
    g.send(S, { account: [account(0)] });
    g.send(2 * S, { kill: state(true) });
    expect(g.phase).toBe('flat');
    g.send(3 * S, { account: [account(4)] });
    expect(g.phase).toBe('flattening');
    expect(g.advance(4 * S)).toMatchObject([{ action: 'place', side: 'sell', qty: 4, reduce_only: true }]);
  });
});
