import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryBus } from '../../../graph/bus/memory-bus.ts';
import { nextInt, seedRandom } from '../../../graph/math/index.ts';
import { ArangoDouble } from '../../../sinks/store/arango/double/arango-double.ts';
import { COLLECTIONS, type Collection, openRunStore, type StoreChoice } from '../../../sinks/store/index.ts';
import { runJob } from '../run.ts';
import { synthetic, trend } from '../testing/trend.ts';
import { runServices, type ServiceJob } from './service.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-services-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
const folder = (): string => join(root, String(n++));
let double: ArangoDouble;
beforeAll(async () => {
  double = await ArangoDouble.start();
});
afterAll(() => double.stop());
const database = (): StoreChoice => ({ address: `arango:${double.url}/services${n++}` });

/** Its two sinks are parts of their own, which keep their commits in one database. */
const pipeline = trend(synthetic('', '12s'));
async function documents(dir: string | undefined, choice?: StoreChoice): Promise<Record<string, string[]>> {
  const store = await openRunStore(dir, choice);
  const all: Record<string, string[]> = {};
  for (const collection of Object.keys(COLLECTIONS) as Collection[]) {
    const found = await store.query('by_time', { collection, from: 0, to: Number.MAX_SAFE_INTEGER });
    all[collection] = found.map((d) => JSON.stringify(Object.entries(d).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();
  }
  await store.close();
  return all;
}

describe('services whose sinks write to one database', () => {
  let expected: Record<string, string[]>;
  beforeAll(async () => {
    const state = folder();
    await runJob({ pipeline, inputs: [], state, seed: 1 });
    expected = await documents(state);
    expect(expected['fills']!.length).toBeGreaterThan(5);
  });
  const job = (bus: MemoryBus, store: StoreChoice): ServiceJob => ({
    ...{ pipeline, bus, store, inputs: [], seed: 1, holder: 'test', ttlMs: 10_000, commitMs: 40 },
  });

  it('leave the documents of the embedded run, and keep their commits there, one line of them for each part', async () => {
    const store = database();
    const { parts } = await runServices({ ...job(new MemoryBus(), store), state: folder() });
    expect(await documents(undefined, store)).toEqual(expected);
    const name = store.address.split('/').at(-1)!;
    const db = double.database(name)!;
    const kept = db.collection('checkpoints');
    const owners = kept.keys().flatMap((key) => {
      const c = kept.at(key, db.version) as { pipeline: string } | undefined;
      return c ? [c.pipeline.slice(c.pipeline.indexOf('part:'))] : [];
    });
    expect(parts.length).toBeGreaterThan(5);
    expect([...new Set(owners)].sort()).toEqual([
      'part:{trend:s6.archive}',
      'part:{trend:s6.documents}',
      'part:{trend:s6.shared}',
    ]);
  });

  it.each([true, false])(
    'stopped again and again go on from their commits there (state folder: %s)',
    async (withState) => {
      const store = database();
      const bus = new MemoryBus();
      const state = withState ? { state: folder() } : {};
      const random = seedRandom(3);
      let stops = 0;
      for (;;) {
        const abort = new AbortController();
        const at = nextInt(random, 1500);
        let first: number | undefined;
        await runServices({
          ...job(bus, store),
          ...state,
          signal: abort.signal,
          onProgress: ({ part, cycles }) => {
            if (part !== 's2.1') return;
            first ??= cycles;
            if (stops < 5 && cycles >= first + at) abort.abort();
          },
        });
        if (!abort.signal.aborted) break;
        stops++;
      }
      expect(stops).toBeGreaterThan(2);
      expect(await documents(undefined, store)).toEqual(expected);
    },
  );
});
