import { createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChimeraError } from '../../../graph/schema/index.ts';

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** For the seal of the audit log: another key, derived from the same secret. */
  readonly auditKey: Buffer;
}

/**
 * The Ed25519 key that signs tokens, made at the first start and kept readable by its owner only. Without a folder it lives as long
 * as the process. @throws CHM1132
 */
export function signingKey(dir: string | undefined): SigningKey {
  if (dir === undefined) return keyFrom(newKey());
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'signing-key.pem');
  let pem: string;
  try {
    pem = newKey();
    writeFileSync(file, pem, { mode: 0o600, flag: 'wx' });
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw unsafe(file, 'cannot be written', e);
    if ((statSync(file).mode & 0o077) !== 0) throw unsafe(file, 'may be read by others');
    pem = readFileSync(file, 'utf8');
  }
  try {
    return keyFrom(pem);
  } catch (e) {
    throw unsafe(file, 'is no Ed25519 key', e);
  }
}

const newKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
function keyFrom(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('another kind of key');
  const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const auditKey = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'chimera audit seal', 32));
  return { privateKey, publicKey: createPublicKey(privateKey), auditKey };
}
const unsafe = (file: string, why: string, cause?: unknown): ChimeraError =>
  new ChimeraError('CHM1132', `the signing key ${file} ${why}`, {
    file,
    ...(cause === undefined ? {} : { cause }),
    help: 'remove the file and start again; everyone signs in once more',
  });
