import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redis-url.ts';

describe('the address of a Redis', () => {
  it('names one node, or some nodes of a Cluster', () => {
    expect(parseRedisUrl('redis://localhost')).toEqual({
      cluster: false,
      tls: false,
      nodes: [{ host: 'localhost', port: 6379 }],
      db: 0,
      protocol: 3,
      shown: 'redis://localhost:6379/0',
    });
    expect(parseRedisUrl('rediss://me:p%40ss@[::1]:7000/2?protocol=2')).toEqual({
      cluster: false,
      tls: true,
      nodes: [{ host: '::1', port: 7000 }],
      db: 2,
      username: 'me',
      password: 'p@ss',
      protocol: 2,
      shown: 'rediss://[::1]:7000/2',
    });
    expect(parseRedisUrl('redis+cluster://:s3cret@a:1,b:2')).toMatchObject({
      cluster: true,
      password: 's3cret',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      shown: 'redis+cluster://a:1,b:2',
    });
  });
  it.each([
    'http://a',
    'redis://',
    'redis://a:0',
    'redis://a:99999',
    'redis://a:1,b:2',
    'redis://a/x',
    'redis+cluster://a:1/3',
    'redis://a?tls=no',
    'redis://a?protocol=4',
    'redis://%zz@a',
  ])('is refused with what to write instead: %s', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(
      expect.objectContaining({ code: 'CHM520', help: expect.stringContaining('redis://') }),
    );
  });
  it('never shows a password, neither in what it shows nor in an error', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]{8,20}$/);
    fc.assert(
      fc.property(word, fc.constantFrom('a:1', 'a:1,b:2', 'a:x', '', 'a/zz', 'a?b=c'), (secret, rest) => {
        for (const scheme of ['redis', 'redis+cluster', 'http']) {
          let said: string;
          try {
            said = parseRedisUrl(`${scheme}://user:${secret}@${rest}`).shown;
          } catch (e) {
            said = String(e);
          }
          expect(said).not.toContain(secret);
        }
      }),
    );
  });
});
