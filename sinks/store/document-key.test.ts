import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentKey, KEY_SHAPE } from './document-key.ts';

describe('document keys', () => {
  it('keep what every driver takes and escape the rest', () => {
    expect(documentKey('trend', 'docs', 'usdm:BTCUSDT', 12, 0)).toBe('trend.docs.usdm:BTCUSDT.12.0');
    expect(documentKey('a/b', 'c.d', 'é')).toBe('a%2Fb.c%2Ed.%C3%A9');
  });
  it('are valid, at most 254 characters long, and differ when their parts differ', () => {
    const parts = fc.array(fc.oneof(fc.string({ maxLength: 400 }), fc.nat()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [x, y] = [documentKey(...a), documentKey(...b)];
        if (x !== '') expect(x).toMatch(KEY_SHAPE);
        expect(x === y).toBe(JSON.stringify(a.map(String)) === JSON.stringify(b.map(String)));
      }),
    );
  });
});
