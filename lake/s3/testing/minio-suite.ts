import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { S3Options } from '../s3-options.ts';
import { S3Storage } from '../s3-storage.ts';
import { minioBinary } from './minio-binary.ts';
import { MinioServer } from './minio-server.ts';

export interface MinioSuite {
  server: MinioServer;
  binary: string;
  /** A folder that goes with the suite. */
  dir: string;
  /** Options with a cache folder of their own; repetitions that do not wait long. */
  options: (more?: Partial<S3Options>) => S3Options;
  /** A new bucket's storage. */
  storage: (more?: Partial<S3Options>) => Promise<S3Storage>;
  /** Name of the next bucket that nobody has used. */
  bucket: () => string;
}

const found = await minioBinary();
export const hasMinio = found.path !== undefined;

/** Tests against a MinIO server of their own; skipped, with the reason in the title, where there is none. */
export function onMinio(title: string, tests: (suite: MinioSuite) => void): void {
  const binary = found.path;
  if (binary === undefined) {
    describe.skip(`${title} (${found.reason})`, () => tests({} as MinioSuite));
    return;
  }
  const suite = {} as MinioSuite;
  describe(title, () => {
    let n = 0;
    const open: S3Storage[] = [];
    beforeAll(async () => {
      suite.dir = mkdtempSync(join(tmpdir(), 's3-'));
      suite.binary = binary;
      suite.server = await MinioServer.start(binary);
    });
    afterAll(async () => {
      for (const s of open) s.close();
      await suite.server?.stop();
      rmSync(suite.dir, { recursive: true, force: true });
    });
    suite.bucket = () => `bucket-${n++}`;
    suite.options = (more = {}) => ({
      ...suite.server.access,
      cacheDir: join(suite.dir, `cache-${n++}`),
      partBytes: 5 << 20,
      retryMs: [5, 10, 20, 40, 80, 160],
      ...more,
    });
    suite.storage = async (more) => {
      const storage = new S3Storage(`s3://${suite.bucket()}/lake`, suite.options(more));
      open.push(storage);
      await storage.ensureBucket({ create: true });
      return storage;
    };
    tests(suite);
  });
}
