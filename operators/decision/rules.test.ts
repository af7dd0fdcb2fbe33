import { describe, expect, it } from 'vitest';
import { f64, oneOf, record } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { Position } from '../position/records.ts';
import { checkRules } from './rule-config.ts';
import { rules } from './rules.ts';

const config = {
  rules: [
    {
      id: 'enter_long',
      when: 'fast > slow && rsi < 70',
      do: { action: 'intent', intent: 'enter', side: 'buy', stop: 'px - 2 * atr', target: 'px + 3 * atr' },
    },
    {
      id: 'enter_short',
      when: 'fast < slow && rsi > 30 && spread < 2',
      do: { action: 'intent', intent: 'enter', side: 'sell' },
    },
    { id: 'calm', when: 'regime == "range"', do: { action: 'skip_entry' } },
    { id: 'half', when: 'atr > 20', do: { action: 'size_mult', factor: '0.5' } },
    { id: 'by_vol', when: 'atr > 40', do: { action: 'size_mult', factor: '20 / atr' } },
    { id: 'exit_long', when: 'position.side == "long" && fast < slow', do: { action: 'intent', intent: 'exit' } },
    { id: 'take_half', when: 'position.roe > 0.2', do: { action: 'intent', intent: 'reduce', fraction: 0.5 } },
    {
      id: 'add_once',
      when: 'position.roe > 0.1 && position.adds < 1',
      do: { action: 'intent', intent: 'add', size_mult: 0.5 },
    },
  ],
};
const base = { fast: 2, slow: 1, rsi: 50, atr: 10, px: 100, spread: 1, regime: 'trend' };
const long = { side: 'long', roe: 0, adds: 0 };
const run = () => new Drive(rules, config);
const at = (d: ReturnType<typeof run>, t: number, features: object, more: object = {}) => {
  const out = d.send(t, { features: { ...base, ...features }, ...more });
  const verdict = out.find((e) => e.port === 'verdict')!.values;
  const intent = out.find((e) => e.port === 'intent')?.values;
  return { verdict, intent };
};

describe('decision.rules', () => {
  it('fires a rule on one record and not on its neighbour [S3.5]', () => {
    const d = run();
    expect(at(d, 1, { rsi: 69.9 }).intent).toMatchObject({ action: 'enter', side: 'buy', rule: 'enter_long' });
    expect(at(d, 2, { rsi: 70 }).intent).toBeUndefined();
  });

  it('gives a decision and its intent, linked by the id [S3.3] [S3.11]', () => {
    const { verdict, intent } = at(run(), 1, {});
    expect(intent!['id']).toBe('usdm:BTCUSDT/node/1-0');
    expect(verdict).toEqual({
      layer: 'rules',
      outcome: 'enter',
      side: 'buy',
      rule: 'enter_long',
      gate: '',
      condition: 'fast > slow && rsi < 70',
      operands: 'fast,slow,rsi',
      values: [2, 1, 50],
      texts: '',
      passed: 2,
      of: 2,
      size_mult: 1,
      intent_id: intent!['id'],
    });
  });

  it('names the failing condition and its values at a moment without a trade [S3.12]', () => {
    const { verdict, intent } = at(run(), 1, { fast: 1, slow: 2, spread: 2.5 });
    expect(intent).toBeUndefined();
    expect(verdict).toMatchObject({
      layer: 'none',
      outcome: 'hold',
      rule: 'enter_short',
      condition: 'spread < 2',
      operands: 'spread',
      values: [2.5],
      passed: 2,
      of: 3,
    });
  });

  it('skips an entry by a factor gate and names the gate [S3.7] [GOV.2]', () => {
    const { verdict, intent } = at(run(), 1, { regime: 'range' });
    expect(intent).toBeUndefined();
    expect(verdict).toMatchObject({
      layer: 'rules',
      outcome: 'skip',
      rule: 'enter_long',
      gate: 'calm',
      texts: 'regime=range',
    });
  });

  it('scales the size with a factor; factors multiply [S3.8]', () => {
    const d = run();
    expect(at(d, 1, { atr: 30 }).intent!['size_mult']).toBe(0.5);
    expect(at(d, 2, { px: 1000, atr: 50 }).intent!['size_mult']).toBe(0.5 * 0.4);
    expect(at(d, 3, { px: 1000, atr: 100 }).intent!['size_mult']).toBe(0.5 * 0.2);
  });

  it('refuses a factor outside its range at run time too [GOV.3]', () => {
    const { verdict, intent } = at(
      new Drive(rules, {
        rules: [config.rules[0], { id: 'f', when: 'true', do: { action: 'size_mult', factor: '1 / (atr - 10)' } }],
      }) as ReturnType<typeof run>,
      1,
      {},
    );
    expect(intent).toBeUndefined();
    expect(verdict).toMatchObject({ outcome: 'skip', gate: 'f:out_of_range' });
  });

  it('puts the stop at k times the ATR, in the decimals of the instrument [S3.9] [RISK.6]', () => {
    const { intent } = at(run(), 1, { atr: 1.234 });
    expect(intent).toMatchObject({ stop_px: 9753, target_px: 10370 });
  });

  it('refuses a stop that is no price', () => {
    expect(at(run(), 1, { px: 1, atr: 2 }).verdict).toMatchObject({ outcome: 'skip', gate: 'price:not_a_price' });
  });

  it('never acts on a feature without a value', () => {
    const d = new Drive(rules, {
      rules: [
        { id: 'a', when: '!(rsi > 70)', do: { action: 'intent', intent: 'enter', side: 'buy' } },
        { id: 'b', when: 'rate > 0.01', do: { action: 'skip_entry', side: 'buy' } },
      ],
    }) as ReturnType<typeof run>;
    expect(at(d, 1, { rsi: Number.NaN, rate: 0 }).verdict).toMatchObject({ outcome: 'hold', passed: 0 });
    expect(at(d, 2, { rate: Number.NaN }).verdict).toMatchObject({ outcome: 'skip', gate: 'b:missing' });
    expect(at(d, 3, { rate: 0 }).intent).toMatchObject({ side: 'buy' });
  });

  it('stops at L0 before any rule is looked at, and lets exits go on', () => {
    const d = run();
    const guard = { blocked: true, block_long: true, block_short: true, mask: 1, reasons: 'book_stale' };
    expect(at(d, 1, {}, { guard }).verdict).toMatchObject({
      layer: 'l0',
      outcome: 'hold',
      gate: 'book_stale',
      rule: '',
      condition: '',
      of: 0,
    });
    expect(at(d, 2, { fast: 1, slow: 2 }, { position: long }).intent).toMatchObject({ action: 'exit', side: 'sell' });
    expect(at(d, 3, {}, { position: { ...long, roe: 0.15 } }).intent).toBeUndefined();
  });

  it('blocks one side when the guard blocks one side', () => {
    const d = run();
    const guard = { blocked: false, block_long: true, block_short: false, mask: 64, reasons: 'funding' };
    expect(at(d, 1, {}, { guard }).verdict).toMatchObject({
      layer: 'l0',
      outcome: 'skip',
      rule: 'enter_long',
      gate: 'funding',
    });
    expect(at(d, 2, { fast: 1, slow: 2 }).intent).toMatchObject({ side: 'sell' });
  });

  it('adds when its condition holds and not before [S3.10] [RISK.12]', () => {
    const d = run();
    expect(at(d, 1, {}, { position: { ...long, roe: 0.1 } }).intent).toBeUndefined();
    expect(at(d, 2, {}, { position: { ...long, roe: 0.1001 } }).intent).toMatchObject({
      action: 'enter',
      reason: 'add',
      side: 'buy',
      size_mult: 0.5,
    });
    expect(at(d, 3, {}, { position: { ...long, roe: 0.1001, adds: 1 } }).intent).toBeUndefined();
    expect(at(d, 4, {}, { position: { side: 'short', roe: 0.1001, adds: 0 } }).intent).toMatchObject({ side: 'sell' });
  });

  it('drives exits by ROE exactly at the level [RISK.7]', () => {
    const d = run();
    const at20 = { ...long, adds: 1, roe: 0.2 };
    expect(at(d, 1, {}, { position: at20 }).intent).toBeUndefined();
    expect(at(d, 2, {}, { position: { ...at20, roe: 0.20000001 } }).intent).toMatchObject({
      action: 'reduce',
      side: 'sell',
      size_mult: 0.5,
    });
  });

  it('does not enter again while a position is open', () => {
    const d = run();
    expect(at(d, 1, {}, { position: long }).intent).toBeUndefined();
  });
});

describe('lint of rules', () => {
  const F = record('features', 1, { fast: f64(), slow: f64(), atr: f64(), regime: oneOf('trend', 'range') });
  const lint = (r: unknown[], inputs: object = { features: F, position: Position }) =>
    checkRules(rules.config.parse({ rules: r }).rules, { inputs: inputs as never }).map((i) => [
      i.code,
      i.path.join('.'),
      i.suggestion,
    ]);
  const enter = { action: 'intent', intent: 'enter', side: 'buy' };

  it('accepts declared features and position fields', () => {
    expect(
      lint([
        { id: 'a', when: 'fast > slow && position.side == "flat"', do: { ...enter, stop: 'fast - 2 * atr' } },
        { id: 'b', when: 'position.roe < -0.5', do: { action: 'intent', intent: 'exit' } },
        { id: 'c', when: 'regime == "range"', do: { action: 'size_mult', factor: 'min(1, atr / 10)' } },
      ]),
    ).toEqual([]);
  });

  it('finds each fault at its value', () => {
    expect(lint([{ id: 'a', when: 'fst > slow', do: enter }])).toEqual([['CHM811', 'rules.0.when', 'fast']]);
    expect(lint([{ id: 'a', when: 'fast > slow', do: { ...enter, stop: 'fast > 1' } }])).toEqual([
      ['CHM812', 'rules.0.do.stop', undefined],
    ]);
    expect(lint([{ id: 'a', when: 'fast > slow', do: { action: 'size_mult', factor: '7' } }])[0]![0]).toBe('CHM815');
    expect(lint([{ id: 'a', when: 'true', do: { action: 'intent', intent: 'enter' } }])[0]![0]).toBe('CHM817');
    expect(lint([{ id: 'a', when: 'true', do: { action: 'intent', intent: 'reduce' } }])[0]![0]).toBe('CHM817');
    expect(lint([{ id: 'a', when: 'true', do: { action: 'intent', intent: 'exit', stop: '1' } }])[0]).toEqual([
      'CHM817',
      'rules.0.do.stop',
      undefined,
    ]);
    expect(
      lint([
        { id: 'a', when: 'true', do: enter },
        { id: 'a', when: 'true', do: enter },
      ])[0],
    ).toEqual(['CHM818', 'rules.1.id', undefined]);
    expect(lint([{ id: 'a', when: 'position.roe > 1', do: enter }], { features: F })[0]![0]).toBe('CHM819');
    expect(lint([{ id: 'a', when: 'true', do: { action: 'intent', intent: 'exit' } }], { features: F })[0]![0]).toBe(
      'CHM819',
    );
  });

  it('points out every rule that can raise the size above the default [GOV.5]', () => {
    const codes = (factor: string) =>
      lint([{ id: 'a', when: 'true', do: { action: 'size_mult', factor } }]).map((i) => i[0]);
    expect(codes('1.5')).toEqual(['CHM816']);
    expect(codes('atr / 10')).toEqual(['CHM816']);
    expect(codes('min(atr / 10, 1)')).toEqual([]);
    expect(codes('atr > 1 ? 0.5 : min(atr, 0.25)')).toEqual([]);
    expect(lint([{ id: 'a', when: 'true', do: { ...enter, size_mult: 2 } }])[0]![0]).toBe('CHM816');
  });

  it('refuses an action that is not on the whitelist [GOV.2]', () => {
    expect(rules.config.safeParse({ rules: [{ id: 'a', when: 'true', do: { action: 'buy_all' } }] }).success).toBe(
      false,
    );
    expect(
      rules.config.safeParse({ rules: [{ id: 'a', when: 'true', do: { ...enter, size_mult: 5.1 } }] }).success,
    ).toBe(false);
  });
});
