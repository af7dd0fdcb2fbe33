import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { S3Access } from '../s3-options.ts';

/**
 * The server is a child of a shell that waits for the end of its own input: when whoever started it dies, however that
 * happens, the pipe closes and the shell kills the server.
 */
export const GUARD =
  '"$@" </dev/null & server=$!; echo $server; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server';

/** A real MinIO on a free loopback port, with credentials and a data folder of its own. */
export class MinioServer {
  readonly endpoint: string;
  readonly access: S3Access;
  readonly dir: string;
  readonly #binary: string;
  readonly #port: number;
  readonly #ownDir: boolean;
  #guard: ChildProcess | undefined;
  #pid: number | undefined;

  private constructor(binary: string, dir: string, port: number, ownDir: boolean) {
    this.#binary = binary;
    this.dir = dir;
    this.#port = port;
    this.#ownDir = ownDir;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.access = {
      endpoint: this.endpoint,
      accessKey: `chimera-${randomBytes(6).toString('hex')}`,
      secretKey: randomBytes(24).toString('hex'),
    };
  }

  /** @param dir data folder; default: a temporary one, removed by `stop` */
  static async start(binary: string, dir?: string): Promise<MinioServer> {
    const data = dir ?? (await mkdtemp(join(tmpdir(), 'minio-')));
    const server = new MinioServer(binary, data, await freePort(), dir === undefined);
    await server.start();
    return server;
  }

  /** Starts it again on the same data, port and credentials. */
  async start(): Promise<void> {
    const guard = spawn(
      'sh',
      ['-c', GUARD, 'guard', this.#binary, 'server', '--quiet', '--address', `127.0.0.1:${this.#port}`, this.dir],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: {
          PATH: process.env['PATH'],
          HOME: this.dir,
          MINIO_ROOT_USER: this.access.accessKey,
          MINIO_ROOT_PASSWORD: this.access.secretKey,
          MINIO_BROWSER: 'off',
          MINIO_UPDATE: 'off',
          // One drive of a test machine is not the slow device that the server would wait for.
          MINIO_SCANNER_SPEED: 'slowest',
        },
      },
    );
    this.#guard = guard;
    const lines = createInterface({ input: guard.stdout! });
    this.#pid = Number(
      await new Promise<string>((found, failed) => {
        lines.once('line', found);
        guard.once('error', failed);
        guard.once('exit', () => failed(new Error('the MinIO server did not start')));
      }),
    );
    // Neither the guard nor its pipes keep the test process alive.
    guard.unref();
    (guard.stdin as unknown as { unref(): void }).unref();
    (guard.stdout as unknown as { unref(): void }).unref();
    await this.#ready();
  }

  async #ready(): Promise<void> {
    const end = Date.now() + 60_000;
    for (;;) {
      const ok = await fetch(`${this.endpoint}/minio/health/ready`, { signal: AbortSignal.timeout(2000) }).then(
        (r) => r.ok,
        () => false,
      );
      if (ok) return;
      if (Date.now() > end) throw new Error(`the MinIO server at ${this.endpoint} is not ready after a minute`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** SIGKILL: what it had in hand is lost, what it had written stays. */
  async kill(): Promise<void> {
    const guard = this.#guard;
    if (!guard) return;
    this.#guard = undefined;
    const gone = new Promise((done) => guard.once('exit', done));
    process.kill(this.#pid!, 'SIGKILL');
    guard.stdin!.end();
    await gone;
  }
  /** It keeps its sockets and answers nothing. */
  pause(): void {
    process.kill(this.#pid!, 'SIGSTOP');
  }
  resume(): void {
    process.kill(this.#pid!, 'SIGCONT');
  }
  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.#ownDir) await rm(this.dir, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });
}
