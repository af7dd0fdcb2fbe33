import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChimeraError } from '../../graph/schema/index.ts';

const POLL_MS = 50;

/**
 * Does the work while no other process does the same for this journal. The lock is a local socket that is listened on: the kernel
 * takes it from a process that dies, so that nothing has to be cleaned up.
 * @throws CHM626 when another one has held it for `waitMs`
 */
export async function withSealLock<T>(dir: string, work: () => Promise<T>, waitMs = 60_000): Promise<T> {
  const path = socketOf(dir);
  let server: Server | undefined;
  for (let waited = 0; ; waited += POLL_MS) {
    server = await listen(path);
    if (server) break;
    if (waited >= waitMs)
      throw new ChimeraError('CHM626', `another process is sealing the journal in ${dir}`, {
        file: dir,
        help: 'end the other run of this state folder',
      });
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await new Promise((done) => server.close(done));
  }
}

/** Linux has names that no file stands for; elsewhere a file in the folder for temporary ones. */
function socketOf(dir: string): string {
  const id = createHash('sha256').update(realpathSync(dir)).digest('hex').slice(0, 32);
  return process.platform === 'linux' ? `\0chimera-seal-${id}` : join(tmpdir(), `chimera-seal-${id}.sock`);
}

/** @returns undefined when somebody listens there */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((done, failed) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (e: NodeJS.ErrnoException) => {
      if (e.code !== 'EADDRINUSE') failed(e);
      else if (path.startsWith('\0')) done(undefined);
      else void dropStale(path).then(() => done(undefined));
    });
    server.listen(path, () => done(server));
    server.unref();
  });
}
/** The file of a process that died: nobody answers there. */
function dropStale(path: string): Promise<void> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      done();
    });
    socket.once('error', () => {
      rmSync(path, { force: true });
      done();
    });
  });
}
