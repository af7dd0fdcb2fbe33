import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { parseExpression } from '../../operators/decision/cel/expression.ts';
import { type Rule, rule } from '../../operators/decision/rule-config.ts';
import { rules as rulesNode } from '../../operators/decision/rules.ts';
import type { Condition } from '../api/contract/records.ts';
import { decide, outcomeOf } from './decide.ts';
import { evaluate } from './evaluate.ts';
import type { DecisionMoment } from './moment.ts';
import { shortVerdict, toVerdict, withConstant, withOperand } from './verdict.ts';

const parse = (rules: readonly object[]): Rule[] => rules.map((r) => rule.parse(r));
const TREND = parse([
  {
    id: 'enter_long',
    when: 'fast > slow && rsi > 50 && rsi < 70 && imbalance > -0.5',
    do: { action: 'intent', intent: 'enter', side: 'buy', stop: 'mid - 2 * atr' },
  },
  {
    id: 'enter_short',
    when: 'fast < slow && (rsi < 50 || imbalance < -0.8)',
    do: { action: 'intent', intent: 'enter', side: 'sell' },
  },
  { id: 'wide', when: 'spread > 2', do: { action: 'skip_entry' } },
  { id: 'wild', when: 'atr / mid > 0.02', do: { action: 'size_mult', factor: '0.5' } },
  { id: 'exit_long', when: 'position.side == "long" && fast < slow', do: { action: 'intent', intent: 'exit' } },
  {
    id: 'add',
    when: 'position.roe > 0.2 && position.adds < 1',
    do: { action: 'intent', intent: 'add', size_mult: 0.5 },
  },
]);
const BASE = { fast: 101, slow: 100, rsi: 60, imbalance: 0.1, mid: 100, atr: 1, spread: 1 };
const moment = (features: object, position: object | null = null, guard: object | null = null): DecisionMoment => {
  const inputs = { node: 'rules', key: 'usdm:BTCUSDT', features: { ...BASE, ...features }, position, guard } as never;
  return { ...(inputs as DecisionMoment), cycle: 7, at_us: 1, verdict: decide(TREND, inputs).verdict };
};

describe('a decision on values', () => {
  it('is the decision of the node in a graph on the same record [S3.2]', () => {
    const without = TREND.filter((r) => !r.when.includes('position'));
    const node = new Drive(rulesNode, { rules: without });
    let t = 1;
    fc.assert(
      fc.property(features(), (f) => {
        const emitted = node.send(t++, { features: f }).find((e) => e.port === 'verdict');
        const ours = decide(without, moment(f)).verdict;
        for (const name of ['layer', 'outcome', 'side', 'rule', 'gate', 'condition', 'passed', 'of', 'size_mult'])
          expect(ours[name]).toEqual(emitted!.values[name]);
      }),
      { numRuns: 300 },
    );
  });
});

const features = () =>
  fc.record({
    fast: fc.double({ min: 90, max: 110, noNaN: true }),
    slow: fc.double({ min: 90, max: 110, noNaN: true }),
    rsi: fc.double({ min: 0, max: 100, noNaN: true }),
    imbalance: fc.double({ min: -1, max: 1, noNaN: true }),
    mid: fc.double({ min: 50, max: 150, noNaN: true }),
    atr: fc.double({ min: 0.01, max: 5, noNaN: true }),
    spread: fc.double({ min: 0, max: 5, noNaN: true }),
  });
const positions = () =>
  fc.option(
    fc.record({
      side: fc.constantFrom('flat', 'long', 'short'),
      roe: fc.double({ min: -1, max: 1, noNaN: true }),
      adds: fc.integer({ min: 0, max: 2 }),
    }),
  );
const flat = (c: Condition): Condition[] => [c, ...c.of.flatMap(flat)];

describe('why not', () => {
  it('names every rule with its conditions, operands, and what would have turned each round', () => {
    const v = toVerdict(moment({ rsi: 80 }), TREND);
    expect(v.decision).toBe('hold');
    const [long] = v.layers[1]!.conditions;
    expect(long).toMatchObject({
      rule: 'enter_long',
      held: false,
      operands: { fast: 101, slow: 100, rsi: 80, imbalance: 0.1 },
    });
    expect(long!.of.map((c) => [c.expression, c.held])).toEqual([
      ['fast > slow', true],
      ['rsi > 50', true],
      ['rsi < 70', false],
      ['imbalance > -0.5', true],
    ]);
    expect(long!.of[2]!.flip).toMatchObject({ what: '70', kind: 'constant', from: 70 });
    expect(v.flip).toMatchObject({ rule: 'enter_long', what: '70', decision: 'enter buy' });
    expect(v.flip!.to).toBeGreaterThan(80);
    expect(v.flip!.to).toBeLessThan(80.5);
  });
  it('says what the guards said, and that nothing of the rules helps then', () => {
    const v = toVerdict(
      moment({}, null, { blocked: true, block_long: true, block_short: true, reasons: 'stale' }),
      TREND,
    );
    expect(v.layers[0]).toMatchObject({ layer: 'l0', passed: false, reason: 'stale' });
    expect(v.flip).toBeNull();
  });
  it('gives a constant with its sign', () => {
    const v = toVerdict(moment({ imbalance: -0.7 }), TREND);
    expect(v.flip).toMatchObject({ what: '-0.5', from: -0.5 });
    expect(v.flip!.to).toBeLessThan(-0.7);
  });
  it('leaves out flips of what has no value', () => {
    const v = toVerdict(moment({ rsi: Number.NaN }), TREND);
    expect(v.layers[1]!.conditions[0]).toMatchObject({ held: false, flip: null, operands: { rsi: null } });
  });
  it('lists a decision shortly, as its verdict says it', () => {
    expect(shortVerdict(moment({ rsi: 80 }))).toMatchObject({
      decision: 'hold',
      layers: [{ layer: 'none', conditions: [{ expression: 'rsi < 70', held: false, operands: { rsi: 80 } }] }],
    });
  });

  it('the change that it suggests gives the decision that it says, in more than 1,000 random cases', () => {
    let flips = 0;
    let unflippable = 0;
    fc.assert(
      fc.property(features(), positions(), (f, p) => {
        const m = moment(f, p);
        const v = toVerdict(m, TREND);
        const now = outcomeOf(decide(TREND, m).verdict);
        expect(v.decision).toBe(now);
        if (!v.flip) {
          unflippable++;
          return;
        }
        flips++;
        const { flip } = v;
        // Applied as a person would: the constant in the text of the rule, or the operand in the record.
        const changed = TREND.map((r) =>
          r.id === flip.rule && flip.at ? rule.parse({ ...r, when: withConstant(r.when, flip.at, flip.to) }) : r,
        );
        const [root, name] = flip.what.includes('.') ? (flip.what.split('.') as [string, string]) : ['', flip.what];
        const then = decide(changed, flip.at ? m : withOperand(m, root, name, flip.to)).verdict;
        expect(outcomeOf(then)).toBe(flip.decision);
        expect(flip.decision).not.toBe(now);
      }),
      { numRuns: 1300, seed: 42 },
    );
    expect(flips).toBeGreaterThan(1000);
    expect(flips + unflippable).toBe(1300);
  }, 180_000);

  it('the change that a condition names turns that condition round, in every tree of 1,000', () => {
    let flips = 0;
    fc.assert(
      fc.property(features(), positions(), (f, p) => {
        const m = moment(f, p);
        const v = toVerdict(m, TREND);
        for (const root of v.layers.flatMap((l) => l.conditions)) {
          const r = TREND.find((x) => x.id === root.rule);
          if (!r) continue;
          for (const c of flat(root)) {
            if (!c.flip) continue;
            flips++;
            const at = r.when.indexOf(c.expression);
            const inner = c.flip.at && ([c.flip.at[0] - at, c.flip.at[1] - at] as const);
            const text = inner ? withConstant(c.expression, inner, c.flip.to) : c.expression;
            const [root_, name] = c.flip.what.includes('.')
              ? (c.flip.what.split('.') as [string, string])
              : ['', c.flip.what];
            const then = inner ? m : withOperand(m, root_, name, c.flip.to);
            const value = evaluate(parseExpression(text, undefined, 'bool').expr!, then.features, then.position ?? {});
            expect(value, `${c.expression} with ${c.flip.what} = ${c.flip.to}`).toBe(!c.held);
          }
        }
      }),
      { numRuns: 1000, seed: 7 },
    );
    expect(flips).toBeGreaterThan(3000);
  }, 180_000);
});
