import { createHash, randomUUID } from 'node:crypto';
import type { LifecycleConfig, LifecycleRule } from 'minio';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { S3Api, S3Client } from './s3-client.ts';
import { faultOf } from './s3-errors.ts';

export interface BucketRules {
  /** Makes the bucket when it is not there. Default: that is an error (CHM642). */
  create?: boolean;
  /** Days after which objects below `_staging/` expire. Default 2. */
  stagingDays?: number;
  /** Days after which uploads that were never completed expire. Default 7. */
  uploadDays?: number;
}
export interface BucketState {
  created: boolean;
  /**
   * What removes what was left behind: `both` rules of ours; `staging` only, because the store has no rule for uploads
   * (MinIO removes them by itself, a day old by default); `foreign`: others have put rules on this bucket, which stay as
   * they are; `none`: the store has no rules, or the key may not set them.
   */
  rules: 'both' | 'staging' | 'foreign' | 'none';
}

/** Versioning and object lock are the owner's business and left as they are. */
export async function ensureBucket(client: S3Client, prefix: string, rules: BucketRules): Promise<BucketState> {
  const created = await ensureThere(client, rules.create ?? false);
  const state = { created, rules: await ensureRules(client, prefix, rules) };
  await probePutIfAbsent(client, prefix);
  return state;
}

function ensureThere(client: S3Client, create: boolean): Promise<boolean> {
  const { bucket } = client;
  return client.run('write', '', async (api) => {
    if (await api.bucketExists(bucket)) return false;
    if (!create) throw Object.assign(new Error('no such bucket'), { code: 'NoSuchBucket' });
    try {
      await api.makeBucket(bucket);
      return true;
    } catch (e) {
      if (/^BucketAlready(OwnedByYou|Exists)$/.test(faultOf(e).code) && (await api.bucketExists(bucket))) return false;
      throw e;
    }
  });
}

/** A store that lets a second put pass would let two writers commit over each other. */
async function probePutIfAbsent(client: S3Client, prefix: string): Promise<void> {
  const key = prefix === '' ? '_probe/put-if-absent' : `${prefix}/_probe/put-if-absent`;
  const body = Buffer.from('The second put of this object must be refused.\n');
  const hash = createHash('sha256').update(body).digest('hex');
  await client.putIfAbsent(key, body, hash, randomUUID());
  if (!(await client.putIfAbsent(key, body, hash, randomUUID()))) return;
  throw new ChimeraError('CHM645', `${client.endpoint} puts over an object that it was told not to replace`, {
    file: client.url(key),
    help: 'use a store that honours If-None-Match: * (MinIO, S3), or a local folder',
  });
}

const OURS = 'chimera-';

function ensureRules(client: S3Client, prefix: string, o: BucketRules): Promise<BucketState['rules']> {
  const base = prefix === '' ? '' : `${prefix}/`;
  const id = createHash('sha256').update(prefix).digest('hex').slice(0, 12);
  const staging = rule(`${OURS}staging-${id}`, `${base}_staging/`, { Expiration: { Days: o.stagingDays ?? 2 } });
  const uploads = rule(`${OURS}uploads-${id}`, base, {
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: o.uploadDays ?? 7 },
  });
  return client.run('write', '', async (api) => {
    const there = await currentRules(api, client.bucket);
    if (there === undefined) return 'none';
    if (there.some((r) => !String(r.ID).startsWith(OURS))) return 'foreign';
    const own = [staging.ID, uploads.ID];
    const others = there.filter((r) => !own.includes(r.ID));
    try {
      await api.setBucketLifecycle(client.bucket, { Rule: [...others, staging, uploads] } as LifecycleConfig);
      return 'both';
    } catch (e) {
      if (faultOf(e).later) throw e;
    }
    try {
      await api.setBucketLifecycle(client.bucket, { Rule: [...others, staging] } as LifecycleConfig);
      return 'staging';
    } catch (e) {
      if (faultOf(e).later) throw e;
      return 'none';
    }
  });
}

const rule = (ID: string, Prefix: string, what: object): LifecycleRule =>
  ({ ID, Status: 'Enabled', Filter: { Prefix }, ...what }) as LifecycleRule;

/** Undefined when the store has no rules, or does not show them. */
async function currentRules(api: S3Api, bucket: string): Promise<LifecycleRule[] | undefined> {
  try {
    // One rule comes as an object, several as a list.
    const found = (await api.getBucketLifecycle(bucket))?.Rule as LifecycleRule | LifecycleRule[] | undefined;
    return found === undefined ? [] : [found].flat();
  } catch (e) {
    const { code, later } = faultOf(e);
    if (later) throw e;
    return code === 'NoSuchLifecycleConfiguration' ? [] : undefined;
  }
}
