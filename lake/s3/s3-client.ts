import type { Agent, IncomingMessage } from 'node:http';
import type { Client } from 'minio';
import type { ChimeraError } from '../../graph/schema/index.ts';
import { Damaged, type Doing, faultOf, s3Error } from './s3-errors.ts';
import { parseEndpoint, RETRY_MS, type S3Event, type S3Options } from './s3-options.ts';
import { s3Agent, s3Transport } from './s3-transport.ts';

/** Attempts at bytes that keep arriving damaged: more would not help. */
const DAMAGED_ATTEMPTS = 3;

export interface ObjectHead {
  bytes: number;
  etag: string;
  /** As stored with the object by us; undefined when another program wrote it. */
  sha256: string | undefined;
  /** Which put wrote it. */
  put: string | undefined;
}
export interface UploadedPart {
  part: number;
  etag: string;
  size: number;
}
/** The client of the package, and a call of it that its types keep to themselves. */
export type S3Api = Client & {
  listParts(bucket: string, object: string, uploadId: string): Promise<UploadedPart[]>;
};

/** Requests against one bucket: coded errors, and repetitions in fixed steps where the store or the way may recover. */
export class S3Client {
  readonly bucket: string;
  readonly endpoint: string;
  readonly #options: S3Options;
  readonly #schedule: readonly number[];
  readonly #agent: Agent;
  #loading: Promise<S3Api> | undefined;

  constructor(bucket: string, options: S3Options) {
    this.bucket = bucket;
    const { secure } = parseEndpoint(options);
    this.endpoint = new URL(options.endpoint).origin;
    this.#options = options;
    this.#schedule = options.retryMs ?? RETRY_MS;
    this.#agent = s3Agent(secure);
  }

  /** The package is loaded with the first request. */
  #api(): Promise<S3Api> {
    this.#loading ??= (async () => {
      const { Client } = await import('minio');
      const { host, port, secure } = parseEndpoint(this.#options);
      const { accessKey, secretKey, sessionToken, region = 'us-east-1', timeoutMs = 30_000 } = this.#options;
      const client = new Client({
        endPoint: host,
        port,
        useSSL: secure,
        accessKey,
        secretKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        region,
        // Whole objects are put in one request here; parts are cut by us.
        partSize: 5 * 2 ** 30,
        transport: s3Transport(secure, timeoutMs),
        transportAgent: this.#agent,
        retryOptions: { disableRetry: true },
      });
      return client as unknown as S3Api;
    })();
    return this.#loading;
  }

  url(key: string): string {
    return `s3://${this.bucket}/${key}`.replace(/\/+$/, '');
  }
  tell(event: S3Event): void {
    this.#options.onEvent?.(event);
  }

  /**
   * Runs one request, again and again along the schedule while it may still succeed.
   * @param request gets the number of the attempt, from 0: above that, an earlier one may have had its effect unseen
   */
  async run<T>(doing: 'read' | 'write', key: string, request: (api: S3Api, attempt: number) => Promise<T>): Promise<T> {
    let damaged = 0;
    for (let attempt = 0; ; attempt++) {
      try {
        return await request(await this.#api(), attempt);
      } catch (e) {
        const fault = faultOf(e);
        const delayMs = this.#schedule[attempt];
        if (fault.damaged) damaged++;
        if (!fault.later || delayMs === undefined || damaged === DAMAGED_ATTEMPTS) throw this.error(e, doing, key);
        this.tell({ kind: 'retry', name: key, code: fault.code, attempt, delayMs });
        await new Promise((done) => setTimeout(done, delayMs));
      }
    }
  }
  error(e: unknown, doing: Doing['doing'], key: string): ChimeraError {
    const { accessKey, secretKey, sessionToken = '' } = this.#options;
    const secrets = [secretKey, sessionToken, accessKey];
    return s3Error(e, { doing, url: this.url(key), endpoint: this.endpoint, bucket: this.bucket, secrets });
  }

  head(key: string): Promise<ObjectHead | undefined> {
    return this.run('read', key, (api) => headOf(api, this.bucket, key));
  }
  /** Puts a whole object; its hash goes along and is checked whenever it is read. */
  put(key: string, data: Uint8Array, sha256: string): Promise<void> {
    return this.run('write', key, async (api) => {
      await api.putObject(this.bucket, key, asBuffer(data), data.length, { 'x-amz-meta-sha256': sha256 });
    });
  }
  /** @param put tells this put from every other one */
  putIfAbsent(key: string, data: Uint8Array, sha256: string, put: string): Promise<boolean> {
    const headers = { 'if-none-match': '*', 'x-amz-meta-sha256': sha256, 'x-amz-meta-put': put };
    return this.run('write', key, async (api, attempt) => {
      try {
        await api.putObject(this.bucket, key, asBuffer(data), data.length, headers);
        return true;
      } catch (e) {
        if (faultOf(e).code !== 'PreconditionFailed') throw e;
        // An attempt whose answer was lost may be what is there.
        return attempt > 0 && (await headOf(api, this.bucket, key))?.put === put;
      }
    });
  }
  /** The answer to a GET of the bytes from `offset` on, of exactly this version. */
  async open(api: S3Api, key: string, offset = 0, etag?: string): Promise<IncomingMessage> {
    const headers: Record<string, string> = {};
    if (offset > 0) headers['range'] = `bytes=${offset}-`;
    if (etag !== undefined) headers['if-match'] = `"${etag}"`;
    return api.makeRequestAsync({ method: 'GET', bucketName: this.bucket, objectName: key, headers }, '', [200, 206]);
  }
  /** All keys that begin so, page by page. */
  async list(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for (let after = ''; ; ) {
      const page = await this.run('read', prefix, (api) =>
        api.listObjectsV2Query(this.bucket, prefix, '', '', 1000, after),
      );
      for (const o of page.objects) if (o.name !== undefined) keys.push(o.name);
      const last = keys.at(-1);
      if (!page.isTruncated || last === undefined || last === after) return keys;
      after = last;
    }
  }
  close(): void {
    this.#agent.destroy();
  }
}

/** Undefined when there is no such object. */
export async function headOf(api: S3Api, bucket: string, key: string): Promise<ObjectHead | undefined> {
  try {
    const { size, etag, metaData } = await api.statObject(bucket, key);
    const meta = metaData as Record<string, string | undefined>;
    return { bytes: size, etag, sha256: meta['sha256'], put: meta['put'] };
  } catch (e) {
    if (/^(NotFound|NoSuchKey)$/.test(faultOf(e).code)) return undefined;
    throw e;
  }
}

/** Size and hash as the store declares them against what came. */
export function verifyBytes(what: { bytes: number; sha256: string | undefined }, bytes: number, sha256: string): void {
  if (bytes !== what.bytes) throw new Damaged(`${bytes} bytes arrived instead of ${what.bytes}`);
  if (what.sha256 !== undefined && what.sha256 !== sha256)
    throw new Damaged(`their hash is ${sha256.slice(0, 12)}… instead of ${what.sha256.slice(0, 12)}…`);
}

export const asBuffer = (data: Uint8Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
