import { ChimeraError } from '../../graph/schema/index.ts';

/** Where an S3 store is and who may reach it. Secrets: never part of an address, a message or a log. */
export interface S3Access {
  /** `http://127.0.0.1:9000`, `https://s3.eu-central-1.amazonaws.com` */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  sessionToken?: string;
  /** Default `us-east-1`, which a MinIO without a region of its own takes. */
  region?: string;
}

export type S3Event =
  | { kind: 'retry'; name: string; code: string; attempt: number; delayMs: number }
  /** A part of a large upload; `kept` when an earlier, interrupted upload had brought it already. */
  | { kind: 'part'; name: string; part: number; bytes: number; kept: boolean }
  | { kind: 'download'; name: string; bytes: number };

export interface S3Options extends S3Access {
  /** Local folder for downloaded objects, files in the making and notes on open uploads. Default `~/.cache/chimera/lake`. */
  cacheDir?: string;
  /** All downloaded objects that are kept; the ones unused for longest go first. Default 8 GiB. */
  cacheBytes?: number;
  /** Files beyond this are uploaded in parts of this size. Default 16 MiB, at least 5 MiB (S3's own bound). */
  partBytes?: number;
  /** Waits between attempts, ms; their number is that of the repetitions. Default 50, 100, … 6,400: 12.75 s in all. */
  retryMs?: readonly number[];
  /** A connection on which nothing moves for this long is given up. Default 30 s. */
  timeoutMs?: number;
  /** Told of what is worth counting. */
  onEvent?: (event: S3Event) => void;
}

export const RETRY_MS: readonly number[] = [50, 100, 200, 400, 800, 1600, 3200, 6400];
export const PART_BYTES = 16 * 2 ** 20;
export const CACHE_BYTES = 8 * 2 ** 30;
export const MIN_PART_BYTES = 5 * 2 ** 20;
/** S3 numbers parts up to this. */
export const MAX_PARTS = 10_000;

export const isS3Address = (address: string): boolean => /^s3:\/\//i.test(address);

/** `s3://bucket/prefix` → bucket and prefix without slashes at its ends. Errors: CHM644. */
export function parseS3Address(address: string): { bucket: string; prefix: string } {
  const m = /^s3:\/\/([^/?#@]+)(?:\/([^?#]*))?$/i.exec(address);
  const bucket = m?.[1] ?? '';
  const prefix = (m?.[2] ?? '').replace(/^\/+|\/+$/g, '');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || /\/\/|(^|\/)\.\.?(\/|$)/.test(prefix))
    // Whoever writes keys into the address must not find them in a log.
    throw new ChimeraError('CHM644', `${/@|\?/.test(address) ? 'the address' : address} is no S3 address`, {
      help: 'write s3://bucket/prefix; the endpoint and the keys are given beside it, never within it',
    });
  return { bucket, prefix };
}

/** What a client needs of the endpoint. Errors: CHM644. */
export function parseEndpoint(access: S3Access): { host: string; port: number; secure: boolean } {
  const bad = (why: string, help: string): ChimeraError =>
    new ChimeraError('CHM644', `the connection to the S3 store is incomplete: ${why}`, { help });
  let at: URL;
  try {
    at = new URL(access.endpoint);
  } catch {
    throw bad('there is no endpoint', 'give its origin, e.g. http://127.0.0.1:9000');
  }
  if ((at.protocol !== 'http:' && at.protocol !== 'https:') || at.username !== '' || at.pathname !== '/' || at.search)
    throw bad('the endpoint is more or less than an origin', 'write http(s)://HOST:PORT, without path and keys');
  if (!access.accessKey || !access.secretKey)
    throw bad('there is no access key or no secret key', 'give both; the command line takes them from the environment');
  const secure = at.protocol === 'https:';
  return { host: at.hostname, port: at.port === '' ? (secure ? 443 : 80) : Number(at.port), secure };
}
