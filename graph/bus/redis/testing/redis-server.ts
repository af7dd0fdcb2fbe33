import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedisServer, type ServerBinary } from './find-server.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

export interface RedisServerOptions {
  readonly binary?: ServerBinary;
  /** Further settings, such as `{ maxmemory: '4mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `everysec` unless told. */
  readonly fsync?: 'always' | 'everysec' | 'no';
  readonly port?: number;
}

/** A real redis-server on the loopback interface, with its append-only file in a folder that goes with it. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  readonly dir: string;
  readonly version: string;
  /** SIGTERM, and waits. */
  stop(): Promise<void>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Starts it again on the same folder, or on an empty one. */
  restart(how?: { empty?: boolean }): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** An address that can be cut and slowed down. Ends with the server. */
  proxy(): Promise<TcpProxy>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Why tests with a server cannot run, or undefined. */
export const noRedis: string | undefined =
  findRedisServer() === undefined ? 'no redis-server: set CHIMERA_REDIS_SERVER to its path' : undefined;

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((closed) => server.close(closed));
  return free;
}

export async function startRedis(options: RedisServerOptions = {}): Promise<TestRedis> {
  const binary = options.binary ?? findRedisServer();
  if (!binary) throw new Error('no redis-server');
  const port = options.port ?? (await freePort());
  const dir = mkdtempSync(join(tmpdir(), 'chimera-redis-'));
  const proxies: TcpProxy[] = [];
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'yes',
    appendfsync: options.fsync ?? 'everysec',
    'maxmemory-policy': 'noeviction',
    logfile: join(dir, 'redis.log'),
    loglevel: 'warning',
    ...options.settings,
  };
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const started = spawn(
      binary.path,
      Object.entries(settings).flatMap(([k, v]) => [`--${k}`, v]),
      { stdio: 'ignore' },
    );
    child = started;
    let error: Error | undefined;
    started.on('error', (e) => {
      error = e;
    });
    for (let i = 0; i < 500; i++) {
      if (error || started.exitCode !== null) break;
      if (await answers(port)) return;
      await new Promise((r) => setTimeout(r, 10));
    }
    throw new Error(`redis-server did not start: ${error?.message ?? readLog(settings['logfile']!)}`);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  };
  await start();
  // A run that is broken off leaves no server behind.
  const onExit = (): void => void child?.kill('SIGKILL');
  process.once('exit', onExit);
  return {
    port,
    dir,
    url: `redis://127.0.0.1:${port}/0`,
    version: binary.version,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart({ empty = false } = {}) {
      await end('SIGTERM');
      if (empty)
        for (const f of ['appendonlydir', 'appendonly.aof', 'dump.rdb'])
          rmSync(join(dir, f), { recursive: true, force: true });
      await start();
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async proxy() {
      const proxy = await startProxy(port);
      proxies.push(proxy);
      return proxy;
    },
    async close() {
      await Promise.all(proxies.map((p) => p.close()));
      await end('SIGKILL');
      process.off('exit', onExit);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const readLog = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').slice(-500);
  } catch {
    return 'no log';
  }
};

/** Whether a server answers PING with anything but LOADING. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (d) => {
      socket.destroy();
      resolve(!d.toString().startsWith('-LOADING'));
    });
    socket.once('error', () => resolve(false));
  });
}
