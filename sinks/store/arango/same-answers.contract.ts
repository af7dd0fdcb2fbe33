import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Document, DocumentStore, Edge } from '../document-store.ts';
import { SqliteStore } from '../sqlite-store.ts';

const PIPELINES = ['trend', 'a.b'];
const SERVICES = ['s1', 's 2', 'ü/3'];
const COLLECTIONS = ['signals', 'orders', 'fills', 'strategy_events'] as const;
const stored = (i: number, run: number): { collection: (typeof COLLECTIONS)[number]; key: string } => ({
  collection: COLLECTIONS[i % COLLECTIONS.length]!,
  key: `d${run}.${i}`,
});

/** What a driver must answer is what the embedded store answers, also in which order. */
export function sameAnswersContract(driver: string, open: () => Promise<DocumentStore>, runs: number): void {
  describe(`${driver} and the embedded store`, () => {
    let store: DocumentStore;
    let reference: DocumentStore;
    let run = 0;
    beforeAll(async () => {
      [store, reference] = [await open(), new SqliteStore(undefined)];
    });
    afterAll(async () => {
      await store.close();
      await reference.close();
    });
    const both = async <T>(work: (s: DocumentStore) => Promise<T>): Promise<T> => {
      const expected = await work(reference);
      expect(await work(store)).toEqual(expected);
      return expected;
    };

    it('walk any graph to the same ids in the same order, both ways, over stored edges and stated ones [STO.12]', async () => {
      const N = 10;
      // A node is a document, an input, a service, or an id that names nothing.
      const node = fc.nat(N + 5);
      const document = fc.record({
        i: fc.nat(N - 1),
        pipeline: fc.constantFrom(...PIPELINES),
        source: fc.constantFrom('market', 'x'.repeat(260)),
        seq: fc.nat(2),
        made_by: fc.subarray(SERVICES),
      });
      let longest = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(document, { maxLength: 12 }),
          fc.array(fc.tuple(node, node, fc.constantFrom('because', 'of')), { maxLength: 25 }),
          fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
          async (documents, pairs, depth) => {
            const at = run++;
            const idOf = (i: number): string => {
              if (i >= N + 4) return `nowhere/n${at}`;
              if (i >= N + 2) return `inputs/trend${at}.market.${i - N - 2}`;
              if (i >= N) return `services/s1${at}`;
              const { collection, key } = stored(i, at);
              return `${collection}/${key}`;
            };
            await both(async (s) => {
              for (const { i, pipeline, source, seq, made_by } of documents) {
                const { collection, key } = stored(i, at);
                const services = made_by.map((m) => `${m}${at}`);
                await s.upsert(collection, [
                  { _key: key, t: i, pipeline: pipeline + at, source, seq, made_by: services },
                ]);
              }
              const edges = pairs.map(
                ([a, b, kind], i): Edge => ({
                  _key: `${at}.${i}`,
                  ...{ _from: idOf(a), _to: idOf(b), kind },
                }),
              );
              await s.upsert('lineage', edges);
            });
            const starts = [
              ...new Set([0, 1, N, N + 2, N + 5, ...pairs.flatMap((p) => p.slice(0, 2) as number[])]),
            ].slice(0, 5);
            for (const id of starts.map(idOf))
              for (const direction of ['ancestors', 'descendants'] as const) {
                const limits = depth === undefined ? {} : { depth };
                const steps = await both((s) => s.query('lineage', { id, direction, ...limits }));
                longest = Math.max(longest, steps.length);
              }
          },
        ),
        { numRuns: runs },
      );
      expect(longest).toBeGreaterThan(6);
    });

    it('find the same documents by time, order and position, whatever is missing in them', async () => {
      const instrument = fc.constantFrom<(string | undefined)[]>('usdm:A', 'usdm:a', 'usdm:Ä', 'spot:B', undefined);
      const t = fc.option(fc.oneof(fc.nat(6), fc.constant(2.5)));
      const document = fc.record({
        collection: fc.constantFrom('orders', 'fills', 'positions_snapshots'),
        i: fc.nat(20),
        instrument,
        t,
        closed_t: fc.option(fc.nat(6)),
        client_id: fc.constantFrom('c1', 'c2', 'C1'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(document, { maxLength: 30 }), instrument, fc.nat(7), async (documents, i, time) => {
          const at = run++;
          const mine = (name: string | undefined): string | undefined => name && `${name}${at}`;
          await both(async (s) => {
            for (const { collection, i: n, ...d } of documents) {
              const { instrument: on, client_id, ...rest } = d;
              // Each run has times and names of its own.
              const moved = Object.fromEntries(
                Object.entries(rest).flatMap(([k, v]) => (v === null ? [] : [[k, v + at * 100]])),
              );
              const named = on === undefined ? {} : { instrument: mine(on)! };
              await s.upsert(collection as 'orders', [
                { _key: `x${at}.${n}`, client_id: `${client_id}${at}`, ...named, ...moved } as Document,
              ]);
            }
          });
          const only = i === undefined ? {} : { instrument: mine(i)! };
          const now = at * 100 + time;
          for (const collection of ['orders', 'fills', 'positions_snapshots'] as const) {
            const range = { collection, from: at * 100, to: now };
            await both((s) => s.query('by_time', { ...range, ...only }));
            await both((s) => s.query('by_time', { ...range, limit: 3 }));
            await both((s) => s.count(collection));
          }
          await both((s) => s.query('order_life_cycle', { client_id: `c1${at}`, ...only }));
          await both((s) => s.query('open_orders_at', { t: now, ...only }));
          await both((s) => s.query('positions_at', { t: now, ...only }));
        }),
        { numRuns: runs },
      );
    });

    it('find the same documents by their words [STO.13]', async () => {
      const word = fc.constantFrom(
        'spread',
        'Spread,',
        'Ärger',
        'arger',
        'trend_up',
        'up',
        '資金',
        '費率',
        '資金費率',
        '12.5',
        'が',
        'か',
        '-',
        '"',
      );
      const text = fc.array(word, { maxLength: 6 }).map((w) => w.join(' '));
      await fc.assert(
        fc.asyncProperty(
          fc.array(text, { minLength: 1, maxLength: 8 }),
          fc.array(word, { maxLength: 3 }),
          async (texts, words) => {
            const at = run++;
            // A word of its own keeps the runs apart.
            await both((s) =>
              s.upsert(
                'reports',
                texts.map((x, i) => ({ _key: `r${at}.${i}`, t: i, title: `run${at}`, text: x })),
              ),
            );
            const wanted = `run${at} ${words.join(' ')}`;
            await both(async (s) => {
              const found = await s.query('full_text', { text: wanted, collections: ['reports'] });
              return found.map((f) => f.document._key).sort();
            });
          },
        ),
        { numRuns: runs },
      );
    });
  });
}
