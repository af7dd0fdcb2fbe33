import { describe, expect, it } from 'vitest';
import { Scalar } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { bracket } from './bracket.ts';

const config = { when: 'fast > slow', qty: 0.1, stop: 'entry - 2 * atr', target: 'entry + 3 * atr' };
const rest = ['fast', 'slow', 'atr'];
const features = (fast: number, slow: number, atr: number) => ({
  fast: { value: fast },
  slow: { value: slow },
  atr: { value: atr },
});
const run = () => new Drive(bracket, config, { rest });
const fill = (client_id: unknown, side: string, px: number) => ({
  report: [{ client_id, exec: 'trade', status: 'filled', side, last_qty: 100, cum_qty: 100, cum_quote: 100 * px }],
});
const brief = (out: { values: Record<string, unknown> }[]) =>
  out.map((e) => [e.values['type'], e.values['side'], e.values['qty'], e.values['stop_px']]);

describe('decision.bracket', () => {
  it('enters at the market and puts stop and target around the fill price, rounded away from the market', () => {
    const d = run();
    const [o] = d.send(1, features(2, 1, 1.2345));
    expect(brief([o!])).toEqual([['market', 'buy', 100, Number.NaN]]);
    // 100 − 2.469 = 97.531; 100 + 3.7035 = 103.7035
    expect(brief(d.send(2, fill(o!.values['client_id'], 'buy', 100_00)))).toEqual([
      ['stop_market', 'sell', 0, 97_53],
      ['take_profit_market', 'sell', 0, 103_71],
    ]);
  });

  it('takes the features of the moment of entry, whatever came since', () => {
    const d = run();
    const [o] = d.send(1, features(2, 1, 1));
    d.send(2, features(2, 1, 50));
    expect(brief(d.send(3, fill(o!.values['client_id'], 'buy', 100_00)))[0]![3]).toBe(98_00);
  });

  it('holds one position at a time, and decides a moment at which it is closed after that', () => {
    const d = run();
    const [o] = d.send(1, features(2, 1, 1));
    expect(d.send(2, features(2, 1, 1))).toEqual([]);
    d.send(3, fill(o!.values['client_id'], 'buy', 100_00));
    expect(d.send(4, features(2, 1, 1))).toEqual([]);
    expect(brief(d.send(4, fill('x', 'sell', 98_00)))).toEqual([['market', 'buy', 100, Number.NaN]]);
  });

  it('waits for the next moment when it is closed between two', () => {
    const d = run();
    const [o] = d.send(1, features(2, 1, 1));
    d.send(2, fill(o!.values['client_id'], 'buy', 100_00));
    expect(d.send(3, fill('x', 'sell', 98_00))).toEqual([]);
    expect(d.send(4, features(1, 2, 1))).toEqual([]);
    expect(d.send(5, features(3, 2, 1)).length).toBe(1);
  });

  it('may try again when an entry is refused', () => {
    const d = run();
    const [o] = d.send(1, features(2, 1, 1));
    d.send(2, { report: [{ client_id: o!.values['client_id'], exec: 'rejected', side: 'buy', qty: 100, cum_qty: 0 }] });
    expect(d.send(3, features(2, 1, 1)).length).toBe(1);
  });

  it('checks its expressions; `entry` exists for stop and target only', () => {
    const c = bracket.config.parse({ ...config, when: 'entry > 1', stop: 'entri', target: 'entry > 1' });
    const issues = bracket.check!(c, { inputs: { fast: Scalar, slow: Scalar, atr: Scalar } });
    expect(issues.map((i) => [i.code, i.path[0], i.suggestion])).toEqual([
      ['CHM811', 'when', undefined],
      ['CHM811', 'stop', 'entry'],
      ['CHM812', 'target', undefined],
    ]);
  });
});
