import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { dailyLoss } from './daily-loss.ts';
import { guards } from './guards.ts';

const S = 1_000_000;
const live = () => {
  const d = new Drive(guards, { use_funding_gate: true });
  d.send(S, { book: { u: 1 } });
  return d;
};
const reasons = (d: ReturnType<typeof live>) => d.on('state').map((e) => e['reasons']);

describe('decision.guards', () => {
  it('blocks from the start until there is a book, and speaks on change only', () => {
    const d = new Drive(guards);
    d.send(1, { trade: { on_market: true } });
    d.send(2, { trade: { on_market: true } });
    d.send(3, { book: { u: 1 } });
    d.send(4, { book: { u: 2 } });
    expect(d.on('state')).toEqual([
      { blocked: true, block_long: true, block_short: true, mask: 1, reasons: 'book_stale' },
      { blocked: false, block_long: false, block_short: false, mask: 0, reasons: '' },
    ]);
  });

  it('finds a stale book exactly at its age, whatever the load', () => {
    const d = live();
    for (let i = 1; i <= 50; i++) d.send(S + i * 100_000, { book: { u: i } });
    expect(d.advance(8 * S - 1)).toEqual([]);
    const [e] = d.advance(8 * S);
    expect([e!.now, e!.values['reasons']]).toEqual([8 * S, 'book_stale']);
    expect(d.send(9 * S, { book: { u: 99 } })[0]!.values['blocked']).toBe(false);
    expect(d.advance(11 * S)[0]!.now).toBe(11 * S);
  });

  it('counts only trades on the market as fresh', () => {
    const d = new Drive(guards, { trade_max_age: '5s', book_max_age: '1h' });
    d.send(1 * S, { book: { u: 1 }, trade: { on_market: true } });
    d.send(4 * S, { trade: { on_market: false } });
    expect(d.advance(10 * S).map((e) => [e.now, e.values['reasons']])).toEqual([[6 * S, 'trades_stale']]);
    expect(d.send(11 * S, { trade: { on_market: true } })[0]!.values['reasons']).toBe('');
  });

  it('watches book state, spread, depth, engine lag and the day’s loss', () => {
    const d = new Drive(guards, { max_spread_bp: 2, min_depth: 10, max_lag: '500ms' });
    d.send(1, { book: { u: 1 } });
    d.send(2, { state: { state: 'resync', reason: 'gap' } });
    d.send(3, { spread: { value: 2 } });
    d.send(4, { spread: { value: 2.01 } });
    d.send(5, { depth: { value: 10 } });
    d.send(6, { depth: { value: 9.99 } });
    d.send(7, { lag: { lag_us: 500_000 } });
    d.send(8, { lag: { lag_us: 500_001 } });
    d.send(9, { loss: { blocked: true, result: -1 } });
    d.send(10, {
      state: { state: 'live', reason: '' },
      spread: { value: 1 },
      depth: { value: 11 },
      lag: { lag_us: 0 },
    });
    expect(reasons(d)).toEqual([
      '',
      'book_state',
      'book_state,spread',
      'book_state,spread,depth',
      'book_state,spread,depth,engine_lag',
      'book_state,spread,depth,engine_lag,daily_loss',
      'daily_loss',
    ]);
  });

  it('refuses the side that would pay funding soon, and only that side [RISK.10]', () => {
    const d = live();
    const mark = (left: number, rate: number) => ({
      mark: { rate, next_funding_ms: 1_000_000 + left, event_ms: 1_000_000 },
    });
    d.send(2 * S, mark(300_001, 0.0001));
    expect(d.send(2 * S + 1, mark(300_000, 0.0001))[0]!.values).toMatchObject({
      blocked: false,
      block_long: true,
      block_short: false,
    });
    expect(d.send(2 * S + 2, mark(1, -0.0001))[0]!.values).toMatchObject({
      blocked: false,
      block_long: false,
      block_short: true,
    });
    expect(d.send(2 * S + 3, mark(Number.NaN, 0.0001))[0]!.values['mask']).toBe(0);
    const off = new Drive(guards, { use_funding_gate: false });
    off.send(1, { book: { u: 1 } });
    expect(off.send(2, mark(1, 0.01))).toEqual([]);
  });
});

describe('decision.daily_loss', () => {
  const update = (key: number, pnl: number, fee = 0, funding = 0) => ({ key, realized_pnl: pnl, fee, funding });
  it('sums result, fees and funding over all instruments and blocks at the limit until midnight', () => {
    const d = new Drive(dailyLoss, { limit_usdt: 10 });
    d.send(5 * S, { account: [update(0, -4e8, 1e8)] });
    d.send(6 * S, { account: [update(1, -3e8, 0, -1e8)] });
    d.send(7 * S, { account: [update(0, -1e8)] });
    d.send(8 * S, { account: [update(0, 50e8)] });
    d.advance(86_400 * S);
    expect(d.on('state')).toEqual([
      { blocked: false, result: -5 },
      { blocked: false, result: -9 },
      { blocked: true, result: -10 },
      { blocked: true, result: 40 },
      { blocked: false, result: 0 },
    ]);
  });
});
