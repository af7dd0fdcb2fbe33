import { parseArangoAddress } from './address.ts';
import { ArangoCore, type BatchSize } from './arango-core.ts';
import { ArangoStore } from './arango-store.ts';
import { ArangoClient, type ClientOptions } from './client.ts';
import { ArangoFault } from './fault.ts';
import { type KeepDays, prepare } from './schema.ts';

export interface ArangoOptions extends ClientOptions {
  /** Instead of those in the address. */
  readonly database?: string;
  readonly user?: string;
  readonly batch?: Partial<BatchSize>;
  /** Days after which the server removes documents by itself; nothing expires by default. */
  readonly keepDays?: KeepDays;
  /** State folder of the caller: what a killed process that used it has left open is aborted. */
  readonly dir?: string;
  /** A connection of one's own: not in the transactions of others in this process. */
  readonly alone?: boolean;
}
const BATCH: BatchSize = { documents: 1000, bytes: 4 << 20 };

const cores = new Map<string, Promise<ArangoCore>>();

/**
 * Opens a database as document and checkpoint store, making what is missing in it. Everyone in the process who opens the
 * same database as the same user shares one connection and one transaction; the options of the first one hold.
 * @param address `arango:http://user@host:8529/database`
 * @throws CHM854, CHM855, CHM856, CHM857, CHM860, CHM862, CHM864
 */
export async function openArangoStore(address: string, options: ArangoOptions = {}): Promise<ArangoStore> {
  const at = parseArangoAddress(address, options);
  const name = `${at.url} ${at.database} ${at.user}`;
  const open = async (): Promise<ArangoCore> => {
    const client = new ArangoClient(at, options);
    const keepDays = options.keepDays ?? {};
    const onLastUser = (): void => {
      if (!options.alone) cores.delete(name);
    };
    try {
      const version = await prepare(client, keepDays);
      return new ArangoCore(client, version, { batch: { ...BATCH, ...options.batch }, keepDays, onLastUser });
    } catch (e) {
      onLastUser();
      client.close();
      throw e;
    }
  };
  const used = async (core: ArangoCore): Promise<ArangoStore> => {
    if (options.dir !== undefined) await core.takeOver(options.dir);
    return new ArangoStore(core.use());
  };
  if (options.alone) return used(await open());
  let core = cores.get(name);
  if (!core) {
    core = open();
    cores.set(name, core);
  }
  return used(await core);
}

/** Version of the server at an address; nothing is made or changed. @throws CHM854 to CHM857, CHM860, CHM864 */
export async function probeArango(address: string, options: ArangoOptions = {}): Promise<string> {
  const client = new ArangoClient(parseArangoAddress(address, options), {
    ...options,
    retry: { attempts: 1, ...options.retry },
  });
  try {
    return await client.retried('probe', () => client.version());
  } catch (e) {
    throw e instanceof ArangoFault ? e.error : e;
  } finally {
    client.close();
  }
}
