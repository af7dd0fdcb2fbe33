import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { condition, numeric } from './condition.ts';
import { parseExpression } from './expression.ts';
import { trace } from './trace.ts';

/** cel-js itself, with the three functions declared and every number a double. */
const env = new Environment()
  .registerVariable('a', 'double')
  .registerVariable('b', 'double')
  .registerVariable('c', 'double')
  .registerVariable('t', 'bool')
  .registerVariable('u', 'bool')
  .registerVariable('regime', 'string')
  .registerVariable('position', 'map')
  .registerFunction('abs(double): double', (x: number) => Math.abs(x))
  .registerFunction('min(double, double): double', (x: number, y: number) => Math.min(x, y))
  .registerFunction('max(double, double): double', (x: number, y: number) => Math.max(x, y));

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.integer({ min: -5, max: 5 }),
);
const literal = value.map((v) => {
  const s = String(Math.abs(v));
  return (Object.is(v, -0) || v < 0 ? '-' : '') + (/[.e]/.test(s) ? s : `${s}.0`);
});

const { number, bool } = fc.letrec<{ number: string; bool: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'n' },
    fc.oneof(fc.constantFrom('a', 'b', 'c', 'position.roe'), literal),
    fc.tuple(tie('number'), fc.constantFrom('+', '-', '*', '/'), tie('number')).map(([x, o, y]) => `(${x} ${o} ${y})`),
    fc.tuple(fc.constantFrom('min', 'max'), tie('number'), tie('number')).map(([f, x, y]) => `${f}(${x}, ${y})`),
    tie('number').map((x) => `abs(${x})`),
    tie('number').map((x) => `-(${x})`),
    fc.tuple(tie('bool'), tie('number'), tie('number')).map(([t, x, y]) => `(${t} ? ${x} : ${y})`),
  ),
  bool: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'n' },
    fc.constantFrom('t', 'u', 'true', 'false', 'regime == "up"', 'regime in ["up", "flat"]'),
    fc
      .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
      .map(([x, o, y]) => `(${x} ${o} ${y})`),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([x, o, y]) => `(${x} ${o} ${y})`),
    tie('bool').map((x) => `!(${x})`),
    fc
      .tuple(fc.constantFrom('a', 'b'), fc.array(literal, { minLength: 1, maxLength: 3 }))
      .map(([x, l]) => `(${x} in [${l.join(', ')}])`),
  ),
}));
const row = fc.record({
  a: value,
  b: value,
  c: value,
  t: fc.boolean(),
  u: fc.boolean(),
  regime: fc.constantFrom('up', 'down', 'flat'),
  position: fc.record({ roe: value }),
});

describe('a compiled expression', () => {
  it('gives what cel-js gives, and so does its trace', () => {
    fc.assert(
      fc.property(fc.oneof(number, bool), row, (text, r) => {
        const { expr, issues } = parseExpression(text);
        expect(issues).toEqual([]);
        const want = env.evaluate(text, r);
        expect(compile(expr!)(r, r.position)).toBe(want);
        expect(trace(text, expr!, r, r.position).value).toBe(want);
      }),
      { numRuns: 1500 },
    );
  });

  it('reads an integer literal as a number, whatever it meets', () => {
    const at = (text: string) => numeric(text)({ a: 5 }, {});
    expect(at('a * 2')).toBe(10);
    expect(at('7 / 2')).toBe(3.5);
    expect(at('a - 9007199254740993')).toBe(5 - 2 ** 53);
  });

  it('says which part of a conjunction failed, with the values that it read [S3.12]', () => {
    const c = condition('ema_fast > ema_slow && (rsi < 70 || calm) && !(spread in [1, 2])');
    expect(c.conjuncts.map((x) => x.text)).toEqual(['ema_fast > ema_slow', 'rsi < 70 || calm', '!(spread in [1, 2])']);
    const row = { ema_fast: 2, ema_slow: 1, rsi: 80, calm: false, spread: 3 };
    const failed = c.conjuncts.find((x) => !x.holds(row, {}))!;
    expect(failed.operands(row, {})).toBe('rsi,calm');
    const into = new Float64Array(4);
    expect(failed.read(row, {}, into)).toBe(2);
    expect([...into.subarray(0, 2)]).toEqual([80, 0]);
  });

  it('traces the whole tree of a verdict', () => {
    const text = 'a + 1 > 2 && b < 0';
    const t = trace(text, parseExpression(text).expr!, { a: 3, b: 4 }, {});
    expect(t).toEqual({
      text,
      value: false,
      parts: [
        {
          text: 'a + 1 > 2',
          value: true,
          parts: [
            {
              text: 'a + 1',
              value: 4,
              parts: [
                { text: 'a', value: 3, parts: [] },
                { text: '1', value: 1, parts: [] },
              ],
            },
            { text: '2', value: 2, parts: [] },
          ],
        },
        {
          text: 'b < 0',
          value: false,
          parts: [
            { text: 'b', value: 4, parts: [] },
            { text: '0', value: 0, parts: [] },
          ],
        },
      ],
    });
  });

  it('puts no text of the user into the program', () => {
    const text = 'regime == "\\"]; throw 1; //\\u2028"';
    expect(compile(parseExpression(text).expr!)({ regime: '"]; throw 1; //\u2028' }, {})).toBe(true);
    expect(() => numeric('process.exit')).toThrow('no variable process.exit');
  });
});
