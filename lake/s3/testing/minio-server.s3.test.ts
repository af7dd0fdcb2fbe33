import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { minioBinary } from './minio-binary.ts';
import { GUARD } from './minio-server.ts';
import { onMinio } from './minio-suite.ts';

onMinio('the MinIO server of the tests', (suite) => {
  it('ends when who started it is killed', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'guard-'));
    // A process that starts a server as the tests do, tells its number, and never ends by itself.
    const args = ['-c', GUARD, 'guard', suite.binary, 'server', '--quiet', '--address', '127.0.0.1:0', dir];
    const program = `const g = require('child_process').spawn('sh', ${JSON.stringify(args)}, { stdio: ['pipe', 'pipe', 'ignore'] });
      g.stdout.on('data', (d) => process.stdout.write(d)); setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = Number(
      await new Promise<string>((found) => createInterface({ input: starter.stdout }).once('line', found)),
    );
    expect(() => process.kill(pid, 0)).not.toThrow();
    starter.kill('SIGKILL');
    const gone = (): boolean => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    while (!gone()) await new Promise((done) => setTimeout(done, 10));
    rmSync(dir, { recursive: true, force: true });
  });

  it('is killed and started again on the same data, with the same keys', async () => {
    const s = await suite.storage();
    await s.putIfAbsent('x', Buffer.from('kept'));
    await suite.server.kill();
    await suite.server.start();
    expect(Buffer.from(await s.get('x')).toString()).toBe('kept');
  });
});

describe('the search for a MinIO server', () => {
  it('says why there is none', async () => {
    expect(await minioBinary({ CHIMERA_MINIO: '/none/such' })).toEqual({
      reason: 'CHIMERA_MINIO names /none/such, which cannot be run',
    });
  });
});
