import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { headOf, type S3Api, type S3Client, type UploadedPart } from './s3-client.ts';
import { faultOf } from './s3-errors.ts';
import { MAX_PARTS } from './s3-options.ts';

/** Parts under way at once: bounds the memory of an upload to as many part sizes. */
const AT_ONCE = 3;

export interface LargeFile {
  path: string;
  key: string;
  bytes: number;
  sha256: string;
  partBytes: number;
  /** Folder for the notes on open uploads. */
  notes: string;
}

/**
 * Uploads a file in parts. The upload's id is noted under what the file is (store, name, content), so that whoever has the
 * same file again, after a crash of this process or of the store, goes on with it: a part that is there with the MD5 of
 * ours is not sent again. The object appears, whole, with the last request.
 */
export async function uploadLarge(client: S3Client, file: LargeFile): Promise<void> {
  const partBytes = Math.max(file.partBytes, Math.ceil(file.bytes / MAX_PARTS));
  const note = join(file.notes, noteName(client, file, partBytes));
  if (await isThere(client, file)) {
    await rm(note, { force: true });
    return;
  }
  for (;;) {
    const { id, parts } = await begin(client, file, note);
    try {
      const sent = await sendParts(client, file, partBytes, id, parts);
      await complete(client, file, id, sent);
      await rm(note, { force: true });
      return;
    } catch (e) {
      // The store has forgotten an older upload (it expired, or the store was restored): begin anew.
      if (!(e instanceof Forgotten) || parts === undefined) throw e;
      await rm(note, { force: true });
    }
  }
}

class Forgotten extends ChimeraError {}

async function isThere(client: S3Client, file: LargeFile): Promise<boolean> {
  const found = await client.head(file.key);
  return found?.bytes === file.bytes && found.sha256 === file.sha256;
}
function noteName(client: S3Client, file: LargeFile, partBytes: number): string {
  const what = [client.endpoint, client.bucket, file.key, file.sha256, partBytes];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}

/** `parts` is undefined for an upload that has just begun. */
async function begin(
  client: S3Client,
  file: LargeFile,
  note: string,
): Promise<{ id: string; parts: Map<number, UploadedPart> | undefined }> {
  const noted = await readFile(note, 'utf8').catch(() => undefined);
  if (noted) {
    const parts = await client.run('read', file.key, async (api) => {
      try {
        return await api.listParts(client.bucket, file.key, noted);
      } catch (e) {
        if (faultOf(e).code === 'NoSuchUpload') return undefined;
        throw e;
      }
    });
    if (parts) return { id: noted, parts: new Map(parts.map((p) => [p.part, p])) };
  }
  const headers = { 'content-type': 'application/octet-stream', 'x-amz-meta-sha256': file.sha256 };
  const id = await client.run('write', file.key, (api) =>
    api.initiateNewMultipartUpload(client.bucket, file.key, headers),
  );
  await mkdir(file.notes, { recursive: true });
  await writeFile(`${note}.${process.pid}`, id);
  await rename(`${note}.${process.pid}`, note);
  return { id, parts: undefined };
}

async function sendParts(
  client: S3Client,
  file: LargeFile,
  partBytes: number,
  id: string,
  have: ReadonlyMap<number, UploadedPart> | undefined,
): Promise<{ part: number; etag: string }[]> {
  const count = Math.ceil(file.bytes / partBytes);
  const sent: { part: number; etag: string }[] = new Array(count);
  const source = await open(file.path, 'r');
  let next = 1;
  let failed = false;
  const work = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafe(Math.min(partBytes, file.bytes));
    while (next <= count && !failed) {
      const part = next++;
      const at = (part - 1) * partBytes;
      const body = buffer.subarray(0, Math.min(partBytes, file.bytes - at));
      for (let n = 0; n < body.length; ) {
        const { bytesRead } = await source.read(body, n, body.length - n, at + n);
        if (bytesRead === 0) throw new Error('the file became shorter while it was being uploaded');
        n += bytesRead;
      }
      const md5 = createHash('md5').update(body).digest();
      const known = have?.get(part);
      const kept = known?.etag === md5.toString('hex') && known.size === body.length;
      const etag = kept ? known.etag : await sendPart(client, file, id, part, body, md5);
      sent[part - 1] = { part, etag };
      client.tell({ kind: 'part', name: file.key, part, bytes: body.length, kept });
    }
  };
  try {
    const workers = Array.from({ length: Math.min(AT_ONCE, count) }, () =>
      work().catch((e) => {
        failed = true;
        throw e;
      }),
    );
    // All have ended before the file is closed.
    const ends = await Promise.allSettled(workers);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return sent;
  } finally {
    await source.close();
  }
}

function sendPart(
  client: S3Client,
  file: LargeFile,
  uploadID: string,
  partNumber: number,
  body: Buffer,
  md5: Buffer,
): Promise<string> {
  return client.run('write', file.key, async (api) => {
    const headers = { 'content-md5': md5.toString('base64') };
    const what = { bucketName: client.bucket, objectName: file.key, uploadID, partNumber, headers };
    return forgetting(client, file.key, async () => (await api.uploadPart(what, body)).etag);
  });
}

function complete(
  client: S3Client,
  file: LargeFile,
  id: string,
  parts: { part: number; etag: string }[],
): Promise<void> {
  return client.run('write', file.key, (api) =>
    forgetting(client, file.key, async () => {
      try {
        await api.completeMultipartUpload(client.bucket, file.key, id, parts);
      } catch (e) {
        if (faultOf(e).code === 'NoSuchUpload' && (await isDone(api, client.bucket, file))) return;
        throw e;
      }
    }),
  );
}
/** An attempt whose answer was lost has completed it. */
async function isDone(api: S3Api, bucket: string, file: LargeFile): Promise<boolean> {
  const found = await headOf(api, bucket, file.key);
  return found?.bytes === file.bytes && found.sha256 === file.sha256;
}

async function forgetting<T>(client: S3Client, key: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (e) {
    if (faultOf(e).code !== 'NoSuchUpload') throw e;
    throw new Forgotten('CHM606', `the store no longer knows the upload of ${client.url(key)}`, {
      file: client.url(key),
      cause: client.error(e, 'write', key),
      help: 'run the same command again: it is uploaded anew',
    });
  }
}
