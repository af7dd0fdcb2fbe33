import { parseS3Address, type S3Options } from '../../lake/s3/s3-options.ts';
import { parseArangoAddress } from '../../sinks/store/arango/address.ts';
import type { StoreChoice } from '../../sinks/store/index.ts';
import type { Context } from './context.ts';
import { arangoPassword, s3Access } from './secrets.ts';

export interface StoreOptions {
  /** An address, or `embedded`. */
  store?: string;
  input?: readonly string[];
  capture?: string;
}

/**
 * The database and the object store of a run, as the command line and the environment name them; secrets only by the latter.
 * @throws CHM644, CHM854, CHM910
 */
export function remoteStores(context: Context, o: StoreOptions): { store?: StoreChoice; s3?: S3Options } {
  const store = database(context, o.store);
  const s3 = objectStore(context, ...(o.input ?? []), o.capture);
  return { ...(store ? { store } : {}), ...(s3 ? { s3 } : {}) };
}

/** How to reach lakes at `s3://` addresses: needed when one is named here, and by sinks whose pipeline names one. */
export function objectStore({ io }: Context, ...addresses: readonly (string | undefined)[]): S3Options | undefined {
  // An address that only looks like one is no folder's name.
  const named = addresses.filter((a) => a !== undefined && /^s3:/i.test(a)) as string[];
  for (const a of named) parseS3Address(a);
  if (named.length === 0 && !io.env['CHIMERA_S3_ENDPOINT']) return undefined;
  const cacheDir = io.env['CHIMERA_S3_CACHE'];
  return { ...s3Access(io.env), ...(cacheDir ? { cacheDir } : {}) };
}

/**
 * About 80 s in all. A process that is killed within a commit leaves its transaction, and with it what it has locked, to the server,
 * which gives up on it after 60 s unless it is set otherwise: the next life must be able to wait for that.
 */
const ATTEMPTS = 28;

function database(context: Context, option: string | undefined): StoreChoice | undefined {
  const { env } = context.io;
  const address = option ?? env['CHIMERA_STORE'];
  if (!address || address === 'embedded') return undefined;
  const { url } = parseArangoAddress(address);
  // Read now: what is wrong with its file is no fault of the server, which would be asked again and again.
  const password = arangoPassword(env);
  return {
    address,
    options: {
      passwordFrom: () => password,
      retry: { attempts: ATTEMPTS },
      // A server that starts beside the run is waited for; whoever looks on is told.
      log: ({ what, attempt, waitMs, reason }) => {
        if (attempt >= 4) context.note(`${url}: ${what}, try ${attempt + 1} in ${waitMs} ms: ${reason}`);
      },
    },
  };
}
