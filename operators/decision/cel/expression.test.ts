import { describe, expect, it } from 'vitest';
import { type ExprType, parseExpression } from './expression.ts';

const scope = new Map<string, ExprType>([
  ['rsi', { kind: 'number' }],
  ['spread_bp', { kind: 'number' }],
  ['calm', { kind: 'bool' }],
  ['regime', { kind: 'text', values: ['trend_up', 'trend_down', 'range'] }],
  ['position.roe', { kind: 'number' }],
]);
const issue = (text: string, want?: 'bool' | 'number') => {
  const p = parseExpression(text, scope, want);
  expect(p.expr).toBeUndefined();
  const i = p.issues[0]!;
  return [i.code, text.slice(i.offset, i.offset + i.length), i.suggestion];
};

describe('rule expressions', () => {
  it.each([
    'rsi < 30',
    'rsi >= 30.5 && !(spread_bp > 2.0)',
    'calm ? rsi > 1 : rsi > -2',
    'regime in ["trend_up", "range"] || regime == "trend_down"',
    'rsi in [1, 2.5, -3]',
    'min(rsi, 2 * spread_bp, 7) / max(1, abs(-rsi)) + 1 - 3 != position.roe',
  ])('accepts %s', (text) => {
    const p = parseExpression(text, scope, 'bool');
    expect(p.issues).toEqual([]);
    expect(p.expr!.type.kind).toBe('bool');
  });

  it('names an undeclared feature with its place and the nearest declared one [S3.5]', () => {
    expect(issue('rsi < 30 && spred_bp > 1')).toEqual(['CHM811', 'spred_bp', 'spread_bp']);
    expect(issue('position.ro > 1')).toEqual(['CHM811', 'position.ro', 'position.roe']);
    expect(issue('constructor > 1')).toEqual(['CHM811', 'constructor', undefined]);
  });

  it('refuses an operator or function that is not on the whitelist, with its place [GOV.1]', () => {
    expect(issue('rsi % 2.0 > 1')).toEqual(['CHM813', 'rsi % 2.0', undefined]);
    expect(issue('maxx(rsi, 1) > 1')).toEqual(['CHM813', 'maxx', 'max']);
    expect(issue('[1, 2].all(x, x > 1)')[0]).toBe('CHM813');
    expect(issue('has(position.roe)')).toEqual(['CHM813', 'has', undefined]);
    expect(issue('size("abc") > 1')).toEqual(['CHM813', 'size', undefined]);
    expect(issue('rsi in {1: 2}')).toEqual(['CHM813', '{1: 2}', undefined]);
    expect(issue('rsi in [rsi]')).toEqual(['CHM813', 'rsi', undefined]);
    expect(issue('position["roe"] > 1')[0]).toBe('CHM813');
    expect(issue('position.roe.x > 1')[0]).toBe('CHM813');
    expect(issue('rsi == null')).toEqual(['CHM813', 'null', undefined]);
    expect(issue('rsi.constructor("return 1")()')[0]).toBe('CHM810');
    expect(issue('rsi.constructor("return 1")')[0]).toBe('CHM813');
  });

  it('checks types', () => {
    expect(issue('rsi && calm')).toEqual(['CHM812', 'rsi', undefined]);
    expect(issue('calm > 1')).toEqual(['CHM812', 'calm > 1', undefined]);
    expect(issue('calm + 1 > 2')).toEqual(['CHM812', 'calm', undefined]);
    expect(issue('regime < "range"')).toEqual(['CHM812', 'regime < "range"', undefined]);
    expect(issue('rsi == "1"')).toEqual(['CHM812', 'rsi == "1"', undefined]);
    expect(issue('abs(rsi, 1) > 2')).toEqual(['CHM812', 'abs(rsi, 1)', undefined]);
    expect(issue('min(rsi) > 2')).toEqual(['CHM812', 'min(rsi)', undefined]);
    expect(issue('rsi', 'bool')).toEqual(['CHM812', 'rsi', undefined]);
    expect(issue('rsi > 1', 'number')).toEqual(['CHM812', 'rsi > 1', undefined]);
    expect(issue('(calm ? 1 : "a") == 1')[0]).toBe('CHM812');
  });

  it('refuses a text that the feature can never have', () => {
    expect(issue('regime == "trend_upp"')).toEqual(['CHM814', '"trend_upp"', '"trend_up"']);
    expect(issue('regime in ["range", "rangee"]')).toEqual(['CHM814', '"rangee"', '"range"']);
  });

  it('reports what does not parse at its place', () => {
    expect(issue('rsi = 3')).toEqual(['CHM810', '=', '==']);
    expect(issue('rsi >')[0]).toBe('CHM810');
    expect(issue('')[0]).toBe('CHM810');
    expect(issue('1e999 > rsi')).toEqual(['CHM810', '1e999', undefined]);
    expect(issue(`rsi > ${'('.repeat(300)}1${')'.repeat(300)}`)[0]).toBe('CHM810');
    expect(issue('x'.repeat(3000))[0]).toBe('CHM810');
  });

  it('reports several findings at once', () => {
    const p = parseExpression('rsii > 1 && spreadd_bp < 2 && foo(1) > 2', scope);
    expect(p.issues.map((i) => i.code)).toEqual(['CHM811', 'CHM811', 'CHM813']);
  });
});
