import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { openBronzeWriter } from '../bronze-writer.ts';
import { listLake, verifyLake } from '../inspect.ts';
import { marketPorts, syntheticBlocks } from '../synthetic-blocks.ts';
import { S3Storage } from './s3-storage.ts';
import { MinioServer } from './testing/minio-server.ts';
import { hasMinio, onMinio } from './testing/minio-suite.ts';

const root = mkdtempSync(join(tmpdir(), 'full-disk-'));
const disk = join(root, 'disk');
mkdirSync(disk);
const mounted = ((): boolean => {
  if (!hasMinio) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

onMinio('an object store whose disk is full', (suite) => {
  let server: MinioServer;
  const title = mounted ? '' : ' (skipped: no small file system can be mounted here)';
  beforeAll(async () => {
    if (mounted) server = await MinioServer.start(suite.binary, join(disk, 'data'));
  });
  afterAll(async () => {
    await server?.stop();
    if (mounted) execFileSync('umount', ['-l', disk]);
    rmSync(root, { recursive: true, force: true });
  });

  it.skipIf(!mounted)(
    `refuses with a code, keeps what was committed, and goes on when there is room${title}`,
    async () => {
      const lake = 's3://lake/x';
      const s = new S3Storage(lake, { ...suite.options(), ...server.access });
      await s.ensureBucket({ create: true });
      const write = async (resume: boolean): Promise<void> => {
        const keys = new KeyTable();
        keys.declare('usdm:BTCUSDT', 1, 3);
        const o = {
          writer: 'w',
          keys,
          ports: marketPorts(),
          source: 'm',
          rolling: { maxRows: 1024 },
          storage: s,
          resume,
        };
        const w = await openBronzeWriter(lake, o);
        try {
          const from = syntheticBlocks(keys, { n: 12_000, blockRows: 500 });
          for (let b = await from.read(); b; b = await from.read()) {
            if (b.seq0 === 6000 && !resume) await fillUp();
            await w.write(b);
            await w.commit();
          }
          await w.close();
        } catch (e) {
          await w.abort();
          throw e;
        }
      };
      const filler: string[] = [];
      const fillUp = async (): Promise<void> => {
        for (let size = 5 << 20; size >= 1 << 10; size >>= 1)
          for (let full = false; !full; ) {
            const path = join(root, 'filler');
            writeFileSync(path, randomBytes(size));
            const name = `filler/${filler.length}`;
            await s.putFile(path, name).then(
              () => filler.push(name),
              (e) => {
                // While it is filling up the server also says that it got too few bytes.
                expect(e).toMatchObject({ code: expect.stringMatching(/^CHM6(05|40)$/) });
                full = true;
              },
            );
          }
      };
      await expect(write(false)).rejects.toMatchObject({ code: 'CHM605' });
      const before = await listLake(lake, s);
      expect(before.commits).toBeGreaterThan(0);
      execFileSync('mount', ['-o', 'remount,size=300m', disk]);
      // The server looks at its disk now and then: the same command again, until it goes through.
      const end = Date.now() + 30_000;
      for (let done = false; !done; ) {
        done = await write(true).then(
          () => true,
          (e) => {
            expect(e).toMatchObject({ code: expect.stringMatching(/^CHM6(05|40)$/) });
            expect(Date.now()).toBeLessThan(end);
            return new Promise<boolean>((wait) => setTimeout(() => wait(false), 200));
          },
        );
      }
      expect(await verifyLake(lake, { storage: s })).toMatchObject({ ok: true, rows: 12_000, orphans: [] });
      s.close();
    },
  );
});
