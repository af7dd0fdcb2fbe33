import { ChimeraError } from '../graph/schema/index.ts';
import type { BucketRules } from './s3/bucket.ts';
import { isS3Address, type S3Options } from './s3/s3-options.ts';
import { LocalStorage, type ObjectStorage } from './storage.ts';

export interface StorageOptions {
  /** How to reach the store of `s3://` addresses. */
  s3?: S3Options;
  /** Given by who writes: the bucket is checked, tidied by rules, and made if `create` says so. */
  bucket?: BucketRules;
}

/**
 * The store behind the address of a lake: a folder, or `s3://bucket/prefix`. The client of the latter is loaded here, on
 * first use. Errors: CHM644 without a connection; with `bucket` also CHM640–642, CHM645.
 */
export async function openStorage(address: string, options: StorageOptions = {}): Promise<ObjectStorage> {
  if (!isS3Address(address)) return new LocalStorage(address);
  if (!options.s3)
    throw new ChimeraError('CHM644', 'an S3 address needs a connection', {
      help: 'give the endpoint, the access key and the secret key',
    });
  const { S3Storage } = await import('./s3/s3-storage.ts');
  const storage = new S3Storage(address, options.s3);
  if (options.bucket) await storage.ensureBucket(options.bucket);
  return storage;
}
