import { describe, expect, it } from 'vitest';
import { Scalar } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { imbalance } from './imbalance.ts';
import { target } from './target.ts';

const config = {
  rules: [
    { id: 'long', when: 'fast > slow', target: 0.1 },
    { id: 'short', when: 'fast < slow', target: -0.1 },
  ],
  warmup: 2,
};
const orders = (out: { port: string; values: Record<string, unknown> }[]) =>
  out
    .filter((e) => e.port === 'order')
    .map((e) => [e.values['action'], e.values['side'], e.values['type'], e.values['qty']]);

describe('decision.target', () => {
  const run = () => new Drive(target, config, { rest: ['fast', 'slow'] });
  const at = (d: ReturnType<typeof run>, t: number, fast: number, slow: number) =>
    orders(d.send(t, { fast: { value: fast }, slow: { value: slow } }));

  it('reaches the quantity of the first rule that holds, from the first moment on that it may act', () => {
    const d = run();
    expect(at(d, 1, 2, 1)).toEqual([]);
    expect(at(d, 2, 2, 1)).toEqual([['place', 'buy', 'market', 100]]);
    expect(at(d, 3, 3, 1)).toEqual([]);
    expect(at(d, 4, 1, 1)).toEqual([]);
    expect(at(d, 5, 1, 2)).toEqual([['place', 'sell', 'market', 200]]);
    expect(at(d, 6, 2, 1)).toEqual([['place', 'buy', 'market', 200]]);
  });

  it('does not count as held what an order did not fill', () => {
    const d = run();
    at(d, 1, 2, 1);
    at(d, 2, 2, 1);
    d.send(3, { report: [{ exec: 'expired', side: 'buy', qty: 100, cum_qty: 40 }] });
    expect(at(d, 4, 2, 1)).toEqual([['place', 'buy', 'market', 60]]);
  });

  it('waits until all features have a value, and a report is no moment', () => {
    const d = run();
    expect(d.send(1, { fast: { value: 1 } })).toEqual([]);
    d.send(2, { slow: { value: 2 } });
    expect(d.send(3, { report: [{ exec: 'new' }] })).toEqual([]);
    expect(orders(d.send(4, { fast: { value: 3 } }))).toEqual([['place', 'buy', 'market', 100]]);
  });

  it('checks its rules against the connected features', () => {
    const c = target.config.parse({ rules: [{ id: 'a', when: 'fast > slov', target: 1 }] });
    const issues = target.check!(c, { inputs: { fast: Scalar, slow: Scalar } });
    expect(issues).toMatchObject([
      { code: 'CHM811', path: ['rules', 0, 'when'], offset: 7, length: 4, suggestion: 'slow' },
    ]);
  });
});

describe('decision.imbalance', () => {
  const S = 1_000_000;
  const quote = (bid_qty: number, ask_qty: number) => ({ quote: { bid_px: 10000, bid_qty, ask_px: 10010, ask_qty } });
  const run = () => new Drive(imbalance, { qty: 0.01 });

  it('joins a heavy bid, once, and only above the threshold', () => {
    const d = run();
    expect(orders(d.send(1, quote(799, 201)))).toEqual([]);
    const [o] = d.send(2, quote(801, 199));
    expect(o!.values).toMatchObject({ type: 'limit', tif: 'gtx', side: 'buy', px: 10000, qty: 10 });
    expect(orders(d.send(3, quote(900, 100)))).toEqual([]);
  });

  it('cancels after its time, and may join again when the venue has said so', () => {
    const d = run();
    const id = d.send(S, quote(900, 100))[0]!.values['client_id'];
    expect(orders(d.advance(6 * S - 1))).toEqual([]);
    expect(orders(d.advance(6 * S))).toEqual([['cancel', 'buy', 'limit', 0]]);
    expect(orders(d.send(6 * S + 1, quote(900, 100)))).toEqual([]);
    d.send(6 * S + 2, { report: [{ client_id: id, exec: 'canceled', status: 'canceled', code: 0 }] });
    expect(orders(d.send(6 * S + 3, quote(900, 100)))).toEqual([['place', 'buy', 'limit', 10]]);
  });

  it('sells what it holds at the next quote that is light on the bid', () => {
    const d = run();
    const id = d.send(S, quote(900, 100))[0]!.values['client_id'];
    d.send(2 * S, { report: [{ client_id: id, exec: 'trade', status: 'filled', side: 'buy', last_qty: 10 }] });
    expect(orders(d.advance(7 * S))).toEqual([]);
    expect(orders(d.send(8 * S, quote(500, 500)))).toEqual([]);
    expect(orders(d.send(9 * S, quote(499, 500)))).toEqual([['place', 'sell', 'market', 10]]);
    expect(orders(d.send(10 * S, quote(1, 500)))).toEqual([]);
    d.send(11 * S, { report: [{ client_id: 's', exec: 'trade', status: 'filled', side: 'sell', last_qty: 10 }] });
    expect(orders(d.send(12 * S, quote(900, 100)))).toEqual([['place', 'buy', 'limit', 10]]);
  });
});
