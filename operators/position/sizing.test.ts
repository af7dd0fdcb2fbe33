import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { gate } from './gate.ts';
import { sizing } from './sizing.ts';

const intent = (more: object = {}) => ({
  id: 'i1',
  action: 'enter',
  side: 'buy',
  size_mult: 1,
  stop_px: Number.NaN,
  target_px: Number.NaN,
  rule: 'r',
  reason: 'enter',
  ...more,
});
const book = (bid: number, ask: number) => ({ u: 1, bid_px: bid, bid_qty: 1000, ask_px: ask, ask_qty: 1000 });
const filters = { 'usdm:BTCUSDT': { tick: 0.1, step: 0.001, min_notional_usdt: 100 } };
const sized = (i: object, b: object, more: object = {}, config: Record<string, unknown> = {}) => {
  const d = new Drive(sizing, { filters, ...config });
  const [e] = d.send(1, { intent: intent(i), book: b as never, ...more });
  return e!;
};

describe('position.sizing', () => {
  it('makes 20 USDT at 20× a notional of 400 USDT, rounded down to the step [RISK.3]', () => {
    // 400 / 65,000 = 0.00615…: six steps of 0.001.
    const e = sized({}, book(6_499_990, 6_500_000));
    expect(e.values).toMatchObject({ qty: 6, ref_px: 6_500_000, action: 'enter' });
    // 0.006 × 65,000 / 20
    expect(e.values['margin']).toBe(19.5 * 1e8);
    expect(sized({}, book(3_999_990, 4_000_000)).values['qty']).toBe(10);
    expect(sized({}, book(4_000_000, 4_000_001)).values['qty']).toBe(9);
  });

  it('refuses below one step or below the minimum notional, and never rounds up [RISK.3]', () => {
    expect(sized({ size_mult: 0.1 }, book(6_499_990, 6_500_000))).toMatchObject({
      port: 'verdict',
      values: { allowed: false, gate: 'size', intent_id: 'i1' },
    });
    expect(sized({ size_mult: 0.2 }, book(6_499_990, 6_500_000)).values).toMatchObject({ gate: 'min_notional' });
    expect(sized({}, { ...book(0, 0) }).values).toMatchObject({ gate: 'no_price' });
  });

  it('never exceeds the notional and leaves less than one step of it unused', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e8 }),
        fc.double({ min: 0.001, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 1000 }),
        (ask, mult, step) => {
          const d = new Drive(sizing, { filters: { 'usdm:BTCUSDT': { step: step / 1000, min_notional_usdt: 0 } } });
          const [e] = d.send(1, { intent: intent({ size_mult: mult }), book: book(ask, ask) });
          const qty = e!.port === 'intent' ? (e!.values['qty'] as number) : 0;
          const mult9 = BigInt(Math.round(mult * 1e9));
          const notional = (x: number) => BigInt(x) * BigInt(ask) * 10n ** 9n; // × 10⁵ (decimals) × 10⁹
          const limit = 400n * mult9 * 100_000n;
          expect(qty % step).toBe(0);
          // The notional itself is kept to 10⁻⁸ USDT, hence the slack of one unit.
          expect(notional(qty) <= limit).toBe(true);
          expect(notional(qty + step) > limit - 10n ** 6n).toBe(true);
        },
      ),
    );
  });

  it('closes a whole position, or a part of it rounded down to the step', () => {
    const position = { side: 'short', qty: -7, entry_quote: -7 * 6_500_000 };
    const b = book(6_499_990, 6_500_000);
    expect(sized({ action: 'exit' }, b, { position }).values).toMatchObject({ side: 'buy', qty: 7, margin: 0 });
    expect(sized({ action: 'reduce', size_mult: 0.5 }, b, { position }).values).toMatchObject({ side: 'buy', qty: 3 });
    expect(sized({ action: 'reduce', size_mult: 0.1 }, b, { position }).values).toMatchObject({ gate: 'size' });
    expect(sized({ action: 'exit' }, b).values).toMatchObject({ gate: 'no_position' });
  });

  it('refuses a stop or a target on the wrong side', () => {
    const b = book(100_00, 100_10);
    const far = { filters: {} };
    expect(sized({ stop_px: 99_00, target_px: 101_00 }, b, {}, far).port).toBe('intent');
    expect(sized({ stop_px: 100_00 }, b, {}, far).values).toMatchObject({ gate: 'stop_side' });
    expect(sized({ side: 'sell', stop_px: 99_00 }, b, {}, far).values).toMatchObject({ gate: 'stop_side' });
    expect(sized({ side: 'sell', stop_px: 101_00, target_px: 99_00 }, b, {}, far).port).toBe('intent');
  });

  it('marks an exit urgent when a stop was reached, not when a target was', () => {
    const exit = (reason: string) => {
      const d = new Drive(sizing, { filters });
      return d.send(1, { exit: intent({ action: 'exit', reason }), book: book(1, 2), position: { qty: 10 } })[0]!
        .values['urgent'];
    };
    expect(['stop_roe', 'trailing_stop', 'take_profit', 'stagnation'].map(exit)).toEqual([true, true, false, false]);
  });

  it('sizes a protective exit before a wish of the same cycle', () => {
    const d = new Drive(sizing, { filters });
    const out = d.send(1, {
      intent: intent({ id: 'wish', action: 'reduce', size_mult: 0.5 }),
      exit: intent({ id: 'stop', action: 'exit' }),
      book: book(1, 2),
      position: { qty: 10 },
    });
    expect(out.map((e) => e.values['id'])).toEqual(['stop', 'wish']);
  });
});

describe('position.gate', () => {
  const it1 = (key: number, id: string, more: object = {}) => ({
    key,
    id,
    action: 'enter',
    side: 'buy',
    qty: 6,
    ref_px: 6_500_000,
    margin: 20e8,
    stop_px: Number.NaN,
    target_px: Number.NaN,
    urgent: false,
    rule: 'r',
    reason: 'enter',
    ...more,
  });
  const open = (config: Record<string, unknown>) => {
    const d = new Drive(gate, config);
    d.keys.declare('usdm:ETHUSDT', 2, 3);
    d.keys.declare('usdm:SOLUSDT', 2, 3);
    return d;
  };
  const verdicts = (out: { port: string; values: Record<string, unknown> }[]) =>
    out.filter((e) => e.port === 'verdict').map((e) => [e.values['intent_id'], e.values['gate']]);
  const end = (key: number, id: string, action = 'enter') => ({
    key,
    intent_id: id,
    action,
    result: 'unfilled',
  });

  it('refuses entry n + 1 and frees the slot on close [RISK.5]', () => {
    const d = open({ max_positions: 2 });
    expect(verdicts(d.send(1, { intent: [it1(0, 'a')] }))).toEqual([['a', 'none']]);
    expect(verdicts(d.send(2, { intent: [it1(1, 'b')] }))).toEqual([['b', 'none']]);
    expect(verdicts(d.send(3, { intent: [it1(2, 'c')] }))).toEqual([['c', 'concurrency']]);
    d.send(4, { position: [{ key: 0, qty: 6, entry_quote: 6 * 6_500_000 }] });
    d.send(5, { outcome: [end(0, 'a')] });
    expect(verdicts(d.send(6, { intent: [it1(2, 'd')] }))).toEqual([['d', 'concurrency']]);
    d.send(7, { position: [{ key: 0, qty: 0, entry_quote: 0 }] });
    expect(verdicts(d.send(8, { intent: [it1(2, 'e')] }))).toEqual([['e', 'none']]);
  });

  it('does not let two entries of one moment take the last of the budget [RISK.4]', () => {
    const d = open({ budget_usdt: 30 });
    const out = d.send(1, { intent: [it1(0, 'a'), it1(1, 'b')] });
    expect(verdicts(out)).toEqual([
      ['a', 'none'],
      ['b', 'risk_budget'],
    ]);
    expect(out.filter((e) => e.port === 'intent').map((e) => e.values['key'])).toEqual([0]);
    expect(out.at(-1)!.values['margin_in_use']).toBe(20e8);
    d.send(2, { outcome: [end(0, 'a')] });
    expect(verdicts(d.send(3, { intent: [it1(1, 'c')] }))).toEqual([['c', 'none']]);
  });

  it('counts the margin of open positions at their entry', () => {
    const d = open({ budget_usdt: 30 });
    d.send(1, { position: [{ key: 1, qty: -6, entry_quote: -6 * 6_500_000 }] }); // 390 / 20 = 19.5
    const out = d.send(2, { intent: [it1(0, 'a')] });
    expect(verdicts(out)).toEqual([['a', 'risk_budget']]);
    expect(out[0]!.values['margin_in_use']).toBe(19.5e8);
  });

  it('lets one entry at a time through per instrument, adds only when they say so', () => {
    const d = open({});
    d.send(1, { intent: [it1(0, 'a')] });
    expect(verdicts(d.send(2, { intent: [it1(0, 'b')] }))).toEqual([['b', 'in_flight']]);
    d.send(3, { position: [{ key: 0, qty: 6, entry_quote: 6 * 6_500_000 }], outcome: [end(0, 'a')] });
    expect(verdicts(d.send(4, { intent: [it1(0, 'c')] }))).toEqual([['c', 'in_flight']]);
    expect(verdicts(d.send(5, { intent: [it1(0, 'd', { reason: 'add' })] }))).toEqual([['d', 'none']]);
  });

  it('lets no entry through while an order of the instrument is UNKNOWN, and exits all the same [S4.4]', () => {
    const d = open({});
    const doubt = (orders: number) => ({ key: 0, orders, since_us: 1, client_id: 'c', reason: '' });
    d.send(1, { doubt: [doubt(1)] });
    expect(verdicts(d.send(2, { intent: [it1(0, 'i1')] }))).toEqual([['i1', 'unknown_order']]);
    expect(verdicts(d.send(3, { intent: [it1(0, 'x1', { action: 'exit' })] }))).toEqual([['x1', 'none']]);
    expect(verdicts(d.send(4, { outcome: [end(0, 'x1', 'exit')], intent: [it1(1, 'j1')] }))).toEqual([['j1', 'none']]);
    d.send(5, { doubt: [doubt(0)] });
    expect(verdicts(d.send(6, { intent: [it1(0, 'i2')] }))).toEqual([['i2', 'none']]);
  });

  it('always lets an exit through, once, also with the kill switch engaged', () => {
    const d = open({ max_positions: 1 });
    d.send(1, { kill: { engaged: true, reason: 'test' } });
    expect(verdicts(d.send(2, { intent: [it1(0, 'a')] }))).toEqual([['a', 'kill_switch']]);
    expect(verdicts(d.send(3, { intent: [it1(0, 'x', { action: 'exit', margin: 0 })] }))).toEqual([['x', 'none']]);
    expect(verdicts(d.send(4, { intent: [it1(0, 'y', { action: 'exit', margin: 0 })] }))).toEqual([['y', 'in_flight']]);
    expect(verdicts(d.send(4, { intent: [it1(0, 'u', { action: 'exit', margin: 0, urgent: true })] }))).toEqual([
      ['u', 'none'],
    ]);
    d.send(5, { outcome: [end(0, 'u', 'exit'), end(0, 'x', 'exit')] });
    expect(verdicts(d.send(6, { intent: [it1(0, 'z', { action: 'reduce', margin: 0 })] }))).toEqual([['z', 'none']]);
  });
});
