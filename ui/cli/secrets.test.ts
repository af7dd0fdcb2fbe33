import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../graph/bus/redis/redis-url.ts';
import { arangoPassword, busUrl, s3Access, secret } from './secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-secrets-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

describe('secrets', () => {
  it('come from the environment, or from the file that is named there, without its last line feed', () => {
    expect(secret({}, 'X')).toBeUndefined();
    expect(secret({ X: '' }, 'X')).toBeUndefined();
    expect(secret({ X: 'a', X_FILE: '/none' }, 'X')).toBe('a');
    expect(secret({ X_FILE: file('a', 'p w\n') }, 'X')).toBe('p w');
    expect(secret({ X_FILE: file('b', 'p\n\n') }, 'X')).toBe('p\n');
    expect(arangoPassword({ CHIMERA_ARANGO_PASSWORD_FILE: file('c', 'q') })).toBe('q');
    expect(arangoPassword({})).toBe('');
  });
  it('in a file that is missing, or that others may change, are refused', () => {
    expect(() => secret({ X_FILE: join(dir, 'none') }, 'X')).toThrow(expect.objectContaining({ code: 'CHM910' }));
    expect(() => secret({ X_FILE: file('d', 'p', 0o666) }, 'X')).toThrow(expect.objectContaining({ code: 'CHM910' }));
    expect(secret({ X_FILE: file('e', 'p', 0o444) }, 'X')).toBe('p');
  });
  it('join the address of a bus, whatever is in them, unless it has one already', () => {
    const env = { CHIMERA_BUS_PASSWORD: 'a:b@c/d?#%' };
    expect(parseRedisUrl(busUrl('redis://h:1/0', env))).toMatchObject({ password: 'a:b@c/d?#%', db: 0 });
    expect(parseRedisUrl(busUrl('redis://me@h:1', env))).toMatchObject({ username: 'me', password: 'a:b@c/d?#%' });
    expect(parseRedisUrl(busUrl('rediss+cluster://h:1,i:2', env))).toMatchObject({
      cluster: true,
      tls: true,
      password: 'a:b@c/d?#%',
    });
    expect(busUrl('redis://me:own@h:1/0', env)).toBe('redis://me:own@h:1/0');
    expect(busUrl('redis://h:1/0', {})).toBe('redis://h:1/0');
    expect(busUrl('nothing', env)).toBe('nothing');
  });
  it('of an object store are asked for all at once, by name', () => {
    const env = { CHIMERA_S3_ENDPOINT: 'http://h:9000', CHIMERA_S3_ACCESS_KEY: 'a' };
    expect(() => s3Access(env)).toThrow(expect.objectContaining({ code: 'CHM644' }));
    expect(s3Access({ ...env, CHIMERA_S3_SECRET_KEY_FILE: file('s', 'b\n'), CHIMERA_S3_REGION: 'r' })).toEqual({
      endpoint: 'http://h:9000',
      accessKey: 'a',
      secretKey: 'b',
      region: 'r',
    });
  });
});
