import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism, homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Longer than any build takes: a lock that is older was left behind. */
const BUILD_MS = 45 * 60_000;

export interface MinioBinary {
  /** Absent: there is none, and none can be built. */
  path?: string;
  /** Why there is none. */
  reason?: string;
}

/** Where a binary that was built once is kept: outside of the repository. */
export function minioCache(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'chimera', 'minio');
}

/**
 * The MinIO server to test with: `CHIMERA_MINIO`, `minio` on the PATH, the cache; else it is built once with Go, from source
 * (some minutes). Several processes that ask at once wait for one build. Never throws: what is missing is a reason.
 */
export async function minioBinary(env: NodeJS.ProcessEnv = process.env): Promise<MinioBinary> {
  const named = env['CHIMERA_MINIO'];
  if (named !== undefined && named !== '')
    return (await executable(named))
      ? { path: named }
      : { reason: `CHIMERA_MINIO names ${named}, which cannot be run` };
  const onPath = await which('minio', env);
  if (onPath) return { path: onPath };
  const cache = minioCache(env);
  const cached = join(cache, 'minio');
  if (await executable(cached)) return { path: cached };
  const go = (await which('go', env)) ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined);
  if (!go) return { reason: 'there is no minio on the PATH, and no go to build one with' };
  try {
    await buildOnce(go, cache, cached);
    return { path: cached };
  } catch (e) {
    return { reason: `minio could not be built: ${(e as Error).message.split('\n', 1)[0]}` };
  }
}

async function buildOnce(go: string, cache: string, target: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const lock = join(cache, 'build.lock');
  for (;;) {
    const held = await open(lock, 'wx').catch(() => undefined);
    if (held) {
      await held.close();
      break;
    }
    // Somebody builds: its end is a binary, or a lock that is gone or too old.
    await new Promise((done) => setTimeout(done, 1000));
    if (await executable(target)) return;
    const age = await stat(lock).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    );
    if (age > BUILD_MS) await rm(lock, { force: true });
  }
  try {
    if (await executable(target)) return;
    process.stderr.write('building the MinIO server for the tests, once: this takes some minutes\n');
    const out = join(cache, `build-${process.pid}`);
    await run(go, ['install', 'github.com/minio/minio@latest'], {
      env: { ...process.env, GOBIN: out, GOFLAGS: `-p=${Math.max(1, Math.floor(availableParallelism() / 2))}` },
      maxBuffer: 1 << 24,
      timeout: BUILD_MS,
    });
    await rename(join(out, 'minio'), target);
    await rm(out, { recursive: true, force: true });
  } finally {
    await rm(lock, { force: true });
  }
}

const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
async function which(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    if (dir !== '' && (await executable(join(dir, name)))) return join(dir, name);
  }
  return undefined;
}
