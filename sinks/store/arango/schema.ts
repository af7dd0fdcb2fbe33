import { COLLECTIONS, type Collection, type CollectionSpec } from '../collections.ts';
import type { ArangoClient } from './client.ts';
import { ArangoFault, NUM } from './fault.ts';
import { OWN } from './stored-form.ts';

/** What the driver keeps for itself beside the declared collections. */
export const OWN_COLLECTIONS = ['checkpoints', 'manifests', 'counters'] as const;
export const ALL_COLLECTIONS: readonly string[] = [...Object.keys(COLLECTIONS), ...OWN_COLLECTIONS];

const DOCUMENTS = 2;
const EDGES = 3;
export interface IndexSpec {
  readonly name: string;
  readonly type: 'persistent' | 'ttl';
  readonly fields: readonly string[];
  readonly unique?: boolean;
  readonly expireAfter?: number;
}
/** Days after which the server itself removes documents of a collection, counted from their engine time. */
export type KeepDays = Partial<Record<Collection, number>>;

const persistent = (fields: readonly string[], unique = false): IndexSpec => ({
  name: `by_${fields.join('_').replaceAll(/[^a-z0-9_]/gi, '')}`,
  type: 'persistent',
  fields,
  unique,
});

/**
 * Indexes of a declared collection. One that ends in the time goes on with the order of insertion, so that answers come
 * sorted out of it; the ends of edges have an index by themselves.
 */
export function indexesOf(collection: Collection, keepDays: KeepDays = {}): IndexSpec[] {
  const spec: CollectionSpec = COLLECTIONS[collection];
  const list = spec.indexes
    .filter((fields) => !(spec.kind === 'edge' && (fields[0] === '_from' || fields[0] === '_to')))
    .map((fields) => persistent(fields.at(-1) === 't' ? [...fields, `${OWN}.n`] : fields));
  if (spec.fullText.length > 0) list.push(persistent([`${OWN}.w[*]`]));
  const days = keepDays[collection];
  if (days !== undefined) list.push({ name: 'expiry', type: 'ttl', fields: [`${OWN}.s`], expireAfter: days * 86_400 });
  return list;
}
const OWN_INDEXES: Record<(typeof OWN_COLLECTIONS)[number], IndexSpec[]> = {
  checkpoints: [persistent(['pipeline', 'epoch'], true)],
  manifests: [persistent(['writer', 'epoch'], true)],
  counters: [],
};

/**
 * Makes what is missing: the database (where the user may), collections, indexes. What is there stays. Safe to run from
 * several processes at once. Everything is spread by `_key` or not at all: a server that spreads by another field
 * refuses keys that the client chose.
 * @returns version of the server. @throws CHM855, CHM856, CHM857, CHM860, CHM862, CHM864
 */
export async function prepare(client: ArangoClient, keepDays: KeepDays): Promise<string> {
  const version = await client.retried('open', () => versionOrDatabase(client));
  const { result } = await client.retried('list collections', () =>
    client.send<{ result: { name: string }[] }>({ path: '/_api/collection' }),
  );
  const there = new Set(result.map((c) => c.name));
  await Promise.all(
    ALL_COLLECTIONS.map(async (name) => {
      const edges = (COLLECTIONS as Record<string, CollectionSpec>)[name]?.kind === 'edge';
      if (!there.has(name)) await create(client, '/_api/collection', { name, type: edges ? EDGES : DOCUMENTS });
      const indexes =
        name in OWN_INDEXES ? OWN_INDEXES[name as keyof typeof OWN_INDEXES] : indexesOf(name as Collection, keepDays);
      // The same index again is no error.
      for (const index of indexes)
        await client.retried('make an index', () =>
          client.send({ method: 'POST', path: `/_api/index?collection=${name}`, body: index }),
        );
    }),
  );
  return version;
}

async function versionOrDatabase(client: ArangoClient): Promise<string> {
  try {
    return await client.version();
  } catch (e) {
    if (!(e instanceof ArangoFault) || e.errorNum !== NUM.databaseMissing) throw e;
  }
  // On a cluster: all of it on one server, so that a transaction over several collections is one.
  const body = { name: client.address.database, options: { sharding: 'single' } };
  await create(client, '/_api/database', body, '_system');
  return client.version();
}
/** Makes it, unless another process was faster. */
async function create(client: ArangoClient, path: string, body: object, database?: string): Promise<void> {
  await client.retried('make a collection', async () => {
    try {
      await client.send({ method: 'POST', path, body, ...(database === undefined ? {} : { database }) });
    } catch (e) {
      if (!(e instanceof ArangoFault) || e.errorNum !== DUPLICATE_NAME) throw e;
    }
  });
}
const DUPLICATE_NAME = 1207;
