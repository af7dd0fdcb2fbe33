import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { duration, formatDuration, parseDuration, suggestDuration } from './duration.ts';

describe('durations', () => {
  it('are whole numbers with a unit, read as microseconds', () => {
    expect(parseDuration('12us')).toBe(12);
    expect(parseDuration('250ms')).toBe(250_000);
    expect(parseDuration('5s')).toBe(5_000_000);
    expect(parseDuration('1m')).toBe(60_000_000);
    expect(parseDuration('4h')).toBe(14_400_000_000);
    expect(parseDuration('1d')).toBe(86_400_000_000);
    expect(parseDuration('0s')).toBe(0);
    for (const text of [
      '',
      '5',
      's',
      '5 s',
      '-5s',
      '+5s',
      '05s',
      '1.5s',
      '5S',
      '5M',
      '1h30m',
      '5s ',
      '9007199254740993us',
      '999999999999d',
    ])
      expect(parseDuration(text)).toBeUndefined();
  });
  it('are printed in the largest unit that keeps them exact, and read back the same', () => {
    expect(formatDuration(90_000_000)).toBe('90s');
    expect(formatDuration(60_000_000)).toBe('1m');
    expect(formatDuration(0)).toBe('0s');
    expect(() => formatDuration(1.5)).toThrow(RangeError);
    fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (us) => parseDuration(formatDuration(us)) === us));
  });
  it('are suggested for what people write instead, and only when it is beyond doubt', () => {
    for (const [text, wanted] of [
      ['5 sec', '5s'],
      ['1.5h', '90m'],
      ['1h30m', '90m'],
      ['2 Minutes', '2m'],
      ['100µs', '100us'],
      ['1week', undefined],
      ['soon', undefined],
      ['', undefined],
      ['0.3us', undefined],
    ] as const)
      expect(suggestDuration(text), text).toBe(wanted);
  });
  it('are a type of configuration with bounds, whose JSON Schema is that of the text', () => {
    const schema = z.strictObject({
      width: duration({ min: '1s', max: '1h' }),
      wait: duration().default(5_000_000),
      rest: duration().prefault('1m'),
    });
    expect(schema.parse({ width: '1s' })).toEqual({ width: 1_000_000, wait: 5_000_000, rest: 60_000_000 });
    expect(schema.safeParse({ width: '2h' }).success).toBe(false);
    expect(schema.safeParse({ width: '999ms' }).success).toBe(false);
    expect(schema.safeParse({ width: 5 }).success).toBe(false);
    const json = z.toJSONSchema(schema, { io: 'input' });
    expect(json.properties!['width']).toMatchObject({
      type: 'string',
      pattern: expect.stringContaining('us|ms|s|m|h|d'),
    });
    expect(() => duration({ min: 'never' })).toThrow(RangeError);
  });
});
