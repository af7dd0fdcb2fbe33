import { readFileSync, statSync } from 'node:fs';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { S3Access } from '../../lake/s3/s3-options.ts';
import type { Io } from './io.ts';

type Env = Io['env'];

/**
 * A secret by its name in the environment, or from the file that NAME_FILE names: what containers mount. Addresses, reports and logs
 * never hold one. Undefined when there is neither. @throws CHM910 when the file cannot be read, or others may change it
 */
export function secret(env: Env, name: string): string | undefined {
  const given = env[name];
  if (given !== undefined && given !== '') return given;
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  let text: string;
  try {
    const { mode } = statSync(file);
    // What a container mounts can be read by all within it: only a file that others could put a secret into is refused.
    if ((mode & 0o022) !== 0)
      throw new ChimeraError('CHM910', `${file} may be changed by others (mode ${(mode & 0o777).toString(8)})`, {
        file,
        help: `chmod 600 ${file}`,
      });
    text = readFileSync(file, 'utf8');
  } catch (e) {
    if (e instanceof ChimeraError) throw e;
    throw new ChimeraError('CHM910', `${name}_FILE cannot be read (${(e as NodeJS.ErrnoException).code})`, {
      file,
      help: 'name a file that this user may read',
    });
  }
  return text.replace(/\r?\n$/, '');
}

/**
 * The address of a bus with the password that CHIMERA_BUS_PASSWORD (or …_FILE) holds, unless it has one of its own: so that none stands
 * in a command line, which every process of the machine can read.
 */
export function busUrl(url: string, env: Env): string {
  const m = /^(rediss?(?:\+cluster)?:\/\/)(?:([^@/]*)@)?(.*)$/.exec(url.trim());
  if (!m || m[2]?.includes(':')) return url;
  const password = secret(env, 'CHIMERA_BUS_PASSWORD');
  return password === undefined ? url : `${m[1]}${m[2] ?? ''}:${encodeURIComponent(password)}@${m[3]}`;
}

/** The password of ArangoDB: CHIMERA_ARANGO_PASSWORD or CHIMERA_ARANGO_PASSWORD_FILE. */
export const arangoPassword = (env: Env): string => secret(env, 'CHIMERA_ARANGO_PASSWORD') ?? '';

/**
 * How to reach the store of `s3://` addresses: CHIMERA_S3_ENDPOINT, CHIMERA_S3_ACCESS_KEY, CHIMERA_S3_SECRET_KEY (the keys also
 * as …_FILE), and perhaps CHIMERA_S3_REGION. @throws CHM644
 */
export function s3Access(env: Env): S3Access {
  const endpoint = env['CHIMERA_S3_ENDPOINT'];
  const accessKey = secret(env, 'CHIMERA_S3_ACCESS_KEY');
  const secretKey = secret(env, 'CHIMERA_S3_SECRET_KEY');
  if (!endpoint || !accessKey || !secretKey)
    throw new ChimeraError('CHM644', 'an s3:// address needs an endpoint and two keys', {
      help: 'set CHIMERA_S3_ENDPOINT (http://127.0.0.1:9000), CHIMERA_S3_ACCESS_KEY and CHIMERA_S3_SECRET_KEY, or the keys as files: CHIMERA_S3_ACCESS_KEY_FILE, CHIMERA_S3_SECRET_KEY_FILE',
    });
  const region = env['CHIMERA_S3_REGION'];
  return { endpoint, accessKey, secretKey, ...(region ? { region } : {}) };
}

/** Where alerts are told: CHIMERA_WEBHOOK_URL, signed with CHIMERA_WEBHOOK_SECRET (each also as …_FILE). */
export function webhookAccess(env: Env): { webhook?: { url: string; secret?: string } } {
  const url = secret(env, 'CHIMERA_WEBHOOK_URL');
  const key = secret(env, 'CHIMERA_WEBHOOK_SECRET');
  return url === undefined ? {} : { webhook: { url, ...(key === undefined ? {} : { secret: key }) } };
}
