import { describe, expect, it } from 'vitest';
import { createKeys, tagOf } from './keys.ts';

describe('keys of the bus', () => {
  const partition = 'part:s2.1:{usdm:A}';
  const stream = 'feat:events:{usdm:A}';
  it.each(['', 'test:'])('lie in the slot that their name says, with the prefix "%s"', (prefix) => {
    const k = createKeys(prefix);
    const mine = [k.lease(partition), k.checkpoints(partition), k.fence(partition, 'usdm:A')];
    const streams = [
      k.stream(stream),
      k.at(stream),
      k.need(stream),
      k.shared(stream),
      k.deadLetters('g', stream),
      k.retry(stream, 'g'),
    ];
    for (const key of [...mine, ...streams]) expect(tagOf(key)).toBe('usdm:A');
    expect(new Set([...mine, ...streams]).size).toBe(9);
    expect(tagOf(k.fence(partition, 'usdm:B'))).toBe('usdm:B');
    // A name without braces is a slot of its own.
    for (const key of [k.stream('cfg:events'), k.at('cfg:events'), k.shared('cfg:events'), k.lease('cfg:events')])
      expect(tagOf(key)).toBe('cfg:events');
  });
  it('are the names of the streams themselves without a prefix [STO.15] [STO.23]', () => {
    for (const name of [stream, 'cfg:events', 'signals:new']) expect(createKeys('').stream(name)).toBe(name);
  });
  it('take the first braces, and none that are empty', () => {
    expect(tagOf('a:{b}:{c}')).toBe('b');
    expect(tagOf('a:{}:{c}')).toBe('a:{}:{c}');
    expect(tagOf('a{b')).toBe('a{b');
  });
});
