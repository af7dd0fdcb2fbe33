import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COLLECTIONS, type Collection } from './collections.ts';
import { documentKey } from './document-key.ts';
import type { Document, DocumentStore, Edge, Json } from './document-store.ts';

/**
 * What every driver must do. A driver's own test calls it with a way to open an empty store.
 * @param another opens the store that was opened last once more, as another writer; without it there is only one
 */
export function documentStoreContract(
  driver: string,
  open: () => Promise<DocumentStore>,
  another?: () => Promise<DocumentStore>,
): void {
  describe(`document store on ${driver}`, () => {
    let store: DocumentStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const keysOf = (docs: readonly Document[]): string[] => docs.map((d) => d._key);
    const edge = (from: string, to: string, kind = 'because'): Edge => ({
      _key: documentKey(from, kind, to),
      _from: from,
      _to: to,
      kind,
    });

    it('has every declared collection, empty, and refuses any other [STO.10]', async () => {
      for (const collection of Object.keys(COLLECTIONS) as Collection[]) {
        expect(await store.count(collection)).toBe(0);
        expect(await store.query('by_time', { collection, from: 0, to: 9 })).toEqual([]);
      }
      await expect(store.upsert('secrets' as Collection, [{ _key: 'a' }])).rejects.toMatchObject({ code: 'CHM543' });
      await expect(store.count('secrets' as Collection)).rejects.toMatchObject({ code: 'CHM543' });
    });

    it('gives back any plain JSON document as it was', async () => {
      await fc.assert(
        fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (fields) => {
          const document = { ...(JSON.parse(JSON.stringify(fields)) as object), _key: 'k' } as Document;
          await store.upsert('signals', [document]);
          expect(await store.get('signals', 'k')).toEqual(document);
        }),
        { numRuns: 50 },
      );
      expect(await store.get('signals', 'other')).toBeUndefined();
    });

    it('keeps one document per key, however often a batch is repeated', async () => {
      const batch = Array.from({ length: 300 }, (_, i) => ({
        _key: `k${i}`,
        t: i,
        instrument: 'usdm:A',
        reason: `r${i}`,
      }));
      for (let i = 0; i < 3; i++) await store.upsert('signals', batch);
      expect(await store.count('signals')).toBe(300);
      await store.upsert('signals', [{ ...batch[7]!, reason: 'changed' }]);
      expect(await store.count('signals')).toBe(300);
      expect((await store.get('signals', 'k7'))?.['reason']).toBe('changed');
    });

    it('refuses documents without a proper key, and numbers that JSON has not', async () => {
      for (const _key of ['', 'a/b', 'a b', 'x'.repeat(255), undefined as unknown as string])
        await expect(store.upsert('fills', [{ _key }])).rejects.toMatchObject({ code: 'CHM547' });
      for (const x of [Number.NaN, Infinity])
        await expect(store.upsert('fills', [{ _key: 'a', deep: { x } }])).rejects.toMatchObject({ code: 'CHM547' });
      expect(await store.count('fills')).toBe(0);
    });

    it('never alters a configuration bundle [STO.8]', async () => {
      const bundle = { _key: 'sha256-1', t: 1, rules: ['a'] };
      await store.upsert('config_bundles', [bundle]);
      await store.upsert('config_bundles', [bundle]);
      await expect(store.upsert('config_bundles', [{ ...bundle, rules: ['b'] }])).rejects.toMatchObject({
        code: 'CHM541',
      });
      expect(await store.get('config_bundles', 'sha256-1')).toEqual(bundle);
    });

    it('writes all of a transaction or nothing of it, across collections and awaits', async () => {
      const failing = store.transaction(async () => {
        await store.upsert('orders', [{ _key: 'o1', t: 1 }]);
        await Promise.resolve();
        await store.upsert('fills', [{ _key: 'f1', t: 1 }]);
        throw new Error('power cut');
      });
      await expect(failing).rejects.toThrow('power cut');
      expect([await store.count('orders'), await store.count('fills')]).toEqual([0, 0]);
      await store.transaction(async () => {
        await store.upsert('orders', [{ _key: 'o1', t: 1 }]);
        await store.upsert('fills', [{ _key: 'f1', t: 1 }]);
      });
      expect([await store.count('orders'), await store.count('fills')]).toEqual([1, 1]);
    });

    it('lets transactions that start together take turns', async () => {
      const order: string[] = [];
      const transact = (name: string) =>
        store.transaction(async () => {
          order.push(`${name} starts`);
          await store.upsert('logs', [{ _key: name, t: 1 }]);
          await Promise.resolve();
          order.push(`${name} ends`);
        });
      await Promise.all([transact('a'), transact('b')]);
      expect(order).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
      expect(await store.count('logs')).toBe(2);
    });

    it('finds documents by time and instrument, oldest first, end exclusive', async () => {
      const at = (t: number, instrument: string): Document => ({ _key: `${instrument}@${t}`, t, instrument });
      await store.upsert('signals', [at(30, 'usdm:B'), at(10, 'usdm:A'), at(20, 'usdm:A'), at(20, 'usdm:B')]);
      const find = (p: object) => store.query('by_time', { collection: 'signals', from: 10, to: 30, ...p });
      expect(keysOf(await find({}))).toEqual(['usdm:A@10', 'usdm:A@20', 'usdm:B@20']);
      expect(keysOf(await find({ instrument: 'usdm:B', to: 31 }))).toEqual(['usdm:B@20', 'usdm:B@30']);
      expect(keysOf(await find({ limit: 1 }))).toEqual(['usdm:A@10']);
    });

    it('returns one query of each kind: trading data, configuration, logs [STO.11]', async () => {
      await store.upsert('fills', [{ _key: 'f', t: 5, instrument: 'usdm:A' }]);
      await store.upsert('config_bundles', [{ _key: 'c', t: 5 }]);
      await store.upsert('logs', [{ _key: 'l', t: 5, level: 'warn', message: 'late' }]);
      for (const collection of ['fills', 'config_bundles', 'logs'] as const)
        expect(await store.query('by_time', { collection, from: 5, to: 6 })).toHaveLength(1);
    });

    it('returns an order with its life cycle and then its fills [STO.3]', async () => {
      const instrument = 'usdm:A';
      await store.upsert('orders', [
        { _key: 'a', client_id: 'c1', instrument, t: 1, events: [{ exec: 'new' }, { exec: 'trade' }] },
        { _key: 'b', client_id: 'c2', instrument, t: 2, events: [] },
      ]);
      await store.upsert('fills', [
        { _key: 'f2', client_id: 'c1', instrument, t: 4, qty: 2 },
        { _key: 'f1', client_id: 'c1', instrument, t: 3, qty: 1 },
        { _key: 'f3', client_id: 'c2', instrument, t: 3, qty: 9 },
      ]);
      expect(keysOf(await store.query('order_life_cycle', { client_id: 'c1' }))).toEqual(['a', 'f1', 'f2']);
      expect(await store.query('order_life_cycle', { client_id: 'c1', instrument: 'usdm:B' })).toEqual([]);
    });

    it('knows which orders were open at any time', async () => {
      const order = (_key: string, t: number, closed_t: number | null): Document => ({
        _key,
        t,
        closed_t,
        instrument: 'i',
      });
      await store.upsert('orders', [order('a', 10, 20), order('b', 15, null), order('c', 20, 20)]);
      const open = async (t: number) => keysOf(await store.query('open_orders_at', { t }));
      expect(await open(9)).toEqual([]);
      expect(await open(10)).toEqual(['a']);
      expect(await open(19)).toEqual(['a', 'b']);
      expect(await open(20)).toEqual(['b']);
      expect(await store.query('open_orders_at', { t: 19, instrument: 'j' })).toEqual([]);
    });

    it('gives the last position of each instrument at any time', async () => {
      const snapshot = (instrument: string, t: number, n: number): Document => ({
        _key: `${instrument}${t}.${n}`,
        instrument,
        t,
      });
      await store.upsert('positions_snapshots', [
        snapshot('B', 10, 0),
        snapshot('A', 10, 0),
        snapshot('A', 10, 1),
        snapshot('A', 20, 0),
      ]);
      const at = async (t: number) => keysOf(await store.query('positions_at', { t }));
      expect(await at(9)).toEqual([]);
      expect(await at(10)).toEqual(['A10.1', 'B10.0']);
      expect(await at(99)).toEqual(['A20.0', 'B10.0']);
      expect(keysOf(await store.query('positions_at', { t: 15, instrument: 'A' }))).toEqual(['A10.1']);
    });

    it('walks from a fill to everything that caused it, and back [STO.12] [FLOW.12]', async () => {
      await store.upsert('fills', [{ _key: 'f' }]);
      await store.upsert('orders', [{ _key: 'o' }]);
      await store.upsert('strategy_events', [{ _key: 'i' }]);
      await store.upsert('signals', [{ _key: 's' }]);
      await store.upsert('lineage', [
        edge('fills/f', 'orders/o', 'of'),
        edge('orders/o', 'strategy_events/i'),
        edge('orders/o', 'services/s4', 'made_by'),
        edge('strategy_events/i', 'signals/s'),
        edge('signals/s', 'services/s3', 'made_by'),
        edge('signals/s', 'inputs/market.7'),
        edge('fills/other', 'orders/other', 'of'),
      ]);
      const up = await store.query('lineage', { id: 'fills/f', direction: 'ancestors' });
      expect(up.map((s) => [s.depth, s.kind, s.id, s.document?._key ?? null])).toEqual([
        [0, null, 'fills/f', 'f'],
        [1, 'of', 'orders/o', 'o'],
        [2, 'because', 'strategy_events/i', 'i'],
        [2, 'made_by', 'services/s4', null],
        [3, 'because', 'signals/s', 's'],
        [4, 'made_by', 'services/s3', null],
        [4, 'because', 'inputs/market.7', null],
      ]);
      const down = await store.query('lineage', { id: 'inputs/market.7', direction: 'descendants', depth: 2 });
      expect(down.map((s) => s.id)).toEqual(['inputs/market.7', 'signals/s', 'strategy_events/i']);
      expect(await store.query('lineage', { id: 'fills/none', direction: 'ancestors' })).toHaveLength(1);
    });

    it('walks to the input and the services that documents state themselves, and back from them [STO.12] [FLOW.12]', async () => {
      const made = (_key: string, source: string, seq: number, ...made_by: string[]): Document => ({
        _key,
        t: seq,
        pipeline: 'trend',
        source,
        seq,
        made_by,
      });
      await store.upsert('signals', [made('s', 'market', 7, 's3', 's2'), made('s8', 'market', 8, 's3')]);
      await store.upsert('orders', [made('o', 'market', 7, 's4')]);
      await store.upsert('fills', [made('f', 'a.b/c', 7), { _key: 'bare', seq: 7 }]);
      await store.upsert('lineage', [edge('orders/o', 'signals/s'), edge('fills/f', 'orders/o', 'of')]);
      // What configuration and logs say of pipelines and numbers is no lineage.
      await store.upsert('logs', [made('l', 'market', 7, 's3')]);
      const found = async (id: string, direction: 'ancestors' | 'descendants', depth = 99) =>
        (await store.query('lineage', { id, direction, depth })).map((s) => `${s.depth} ${s.kind} ${s.id}`).sort();
      expect(await found('fills/f', 'ancestors')).toEqual([
        '0 null fills/f',
        '1 because inputs/trend.a%2Eb%2Fc.7',
        '1 of orders/o',
        '2 because inputs/trend.market.7',
        '2 because signals/s',
        '2 made_by services/s4',
        '3 made_by services/s2',
        '3 made_by services/s3',
      ]);
      expect(await found('inputs/trend.market.7', 'descendants')).toEqual([
        '0 null inputs/trend.market.7',
        '1 because orders/o',
        '1 because signals/s',
        '2 of fills/f',
      ]);
      expect(await found('inputs/trend.a%2Eb%2Fc.7', 'descendants')).toHaveLength(2);
      expect(await found('inputs/other.market.7', 'descendants')).toHaveLength(1);
      expect(await found('services/s3', 'descendants', 1)).toEqual([
        '0 null services/s3',
        '1 made_by signals/s',
        '1 made_by signals/s8',
      ]);
      // The same edge, also stored, is met once.
      await store.upsert('lineage', [edge('signals/s', 'inputs/trend.market.7')]);
      expect(await found('inputs/trend.market.7', 'descendants', 1)).toHaveLength(3);
      // A document that changes takes its edges along.
      await store.upsert('signals', [made('s', 'market', 9, 's3')]);
      expect(await found('signals/s', 'ancestors')).toContain('1 because inputs/trend.market.9');
    });

    it('finds the documents of an input whose id is too long to show its number', async () => {
      const source = 'x'.repeat(300);
      await store.upsert('signals', [{ _key: 's', pipeline: 'p', source, seq: 5 }]);
      const input = (await store.query('lineage', { id: 'signals/s', direction: 'ancestors' })).at(-1)!;
      expect(input).toMatchObject({ kind: 'because', document: null });
      const back = await store.query('lineage', { id: input.id, direction: 'descendants' });
      expect(back.map((s) => s.id)).toEqual([input.id, 'signals/s']);
    });

    it('gives back edges as they were, whatever else they say', async () => {
      const full = { ...edge('a/1', 'b/1'), t: 5, instrument: 'i' };
      const edges: Document[] = [
        full,
        edge('a/2', 'b/2'),
        { ...full, _key: 'more', t: 6, weight: 0.5 },
        { ...full, _key: 'odd', t: 7, instrument: null },
        { ...full, _key: 'fraction', t: 7.25 },
      ];
      await store.upsert('lineage', edges);
      for (const e of edges) expect(await store.get('lineage', e._key)).toEqual(e);
      const all = await store.query('by_time', { collection: 'lineage', from: 0, to: 9 });
      expect(all).toEqual(edges.filter((e) => e['t'] !== undefined));
      const mine = await store.query('by_time', { collection: 'lineage', from: 5, to: 7, instrument: 'i' });
      expect(keysOf(mine)).toEqual([full._key, 'more']);
      for (const changed of [{ ...full, t: 6 }, { ...full, weight: 1 }, full]) {
        await store.upsert('lineage', [changed]);
        expect(await store.get('lineage', full._key)).toEqual(changed);
      }
      expect(await store.count('lineage')).toBe(edges.length);
    });

    it('visits each id once, however many ways lead to it and even in a loop', async () => {
      const edges: Edge[] = [];
      for (let i = 0; i < 40; i++)
        for (const side of ['l', 'r']) edges.push(edge(`n/${i}`, `n/${i}${side}`), edge(`n/${i}${side}`, `n/${i + 1}`));
      await store.upsert('lineage', [...edges, edge('n/40', 'n/0')]);
      const steps = await store.query('lineage', { id: 'n/0', direction: 'ancestors' });
      expect(steps).toHaveLength(121);
      expect(steps.at(-1)).toMatchObject({ id: 'n/40', depth: 80 });
    });

    it('finds documents by the words of their text, in any script, and takes nothing of it as syntax [STO.13]', async () => {
      await store.upsert('signals', [
        { _key: 'a', rule: 'trend_up', reason: 'spread above limit' },
        { _key: 'b', rule: 'trend_up', reason: '資金費率過高，暫停進場' },
      ]);
      await store.upsert('reports', [
        { _key: 'r', title: 'Weekly review', text: 'The spread was wide; Ärger mit Gebühren' },
      ]);
      const find = async (text: string, more = {}) =>
        (await store.query('full_text', { text, ...more })).map((f) => `${f.collection}/${f.document._key}`).sort();
      expect(await find('spread')).toEqual(['reports/r', 'signals/a']);
      expect(await find('SPREAD limit')).toEqual(['signals/a']);
      expect(await find('資金費率')).toEqual(['signals/b']);
      expect(await find('費率 暫停')).toEqual(['signals/b']);
      expect(await find('trend_up')).toEqual(['signals/a', 'signals/b']);
      expect(await find('spread', { collections: ['reports'] })).toEqual(['reports/r']);
      expect(await find('spread', { limit: 1 })).toHaveLength(1);
      for (const odd of ['"', 'OR', 'a" OR "b', '* ^ NEAR(', '', '-spread:'] as const) await find(odd);
      await store.upsert('signals', [{ _key: 'a', rule: 'trend_up', reason: 'depth too thin' }]);
      expect(await find('spread')).toEqual(['reports/r']);
      expect(await find('thin')).toEqual(['signals/a']);
    });

    it('has each document once when a batch is repeated after a failure in its middle, in the order of the first time', async () => {
      const batch = (_: unknown, i: number): Document => ({ _key: `k${i}`, t: i >> 3, reason: `word${i}` });
      const all = Array.from({ length: 1500 }, batch);
      const failing = store.transaction(async () => {
        await store.upsert('signals', all.slice(0, 700));
        await store.upsert('signals', all.slice(700));
        throw new Error('the process died');
      });
      await expect(failing).rejects.toThrow('the process died');
      expect(await store.count('signals')).toBe(0);
      await store.upsert('signals', all.slice(0, 700));
      for (let i = 0; i < 2; i++) await store.upsert('signals', all);
      expect(await store.query('by_time', { collection: 'signals', from: 0, to: 999 })).toEqual(all);
    });

    it('keeps a document at its place in the order when its content changes, and takes the last of two with one key', async () => {
      const at = (_key: string, rule: string): Document => ({ _key, t: 5, rule });
      await store.upsert('signals', [at('b', '1'), at('a', '1'), at('c', '1'), at('a', '2')]);
      await store.upsert('signals', [at('c', '3'), at('b', '3')]);
      const found = await store.query('by_time', { collection: 'signals', from: 0, to: 9 });
      expect(found.map((d) => [d._key, d['rule']])).toEqual([
        ['b', '3'],
        ['a', '2'],
        ['c', '3'],
      ]);
    });

    it('forgets fields that a new content has not', async () => {
      await store.upsert('orders', [{ _key: 'o', t: 1, px: 5, deep: { a: 1, b: 2 } }]);
      await store.upsert('orders', [{ _key: 'o', t: 1, deep: { b: 3 } }]);
      expect(await store.get('orders', 'o')).toEqual({ _key: 'o', t: 1, deep: { b: 3 } });
    });

    it('sees within a transaction what it wrote there', async () => {
      await store.transaction(async () => {
        await store.upsert('orders', [{ _key: 'o', t: 1, client_id: 'c', closed_t: null }]);
        expect((await store.get('orders', 'o'))?.['t']).toBe(1);
        expect(await store.count('orders')).toBe(1);
        await store.upsert('orders', [{ _key: 'o', t: 2, client_id: 'c', closed_t: null }]);
        await store.upsert('fills', [{ _key: 'f', t: 3, client_id: 'c' }]);
        expect((await store.query('order_life_cycle', { client_id: 'c' })).map((d) => d['t'])).toEqual([2, 3]);
        expect(keysOf(await store.query('open_orders_at', { t: 2 }))).toEqual(['o']);
      });
      expect((await store.get('orders', 'o'))?.['t']).toBe(2);
    });

    // One connection in memory cannot have another writer.
    it.skipIf(!another)(
      'loses nothing when several writers write at the same time, also the same documents',
      async () => {
        const others = await Promise.all([another!(), another!()]);
        const writers = [store, ...others];
        const own = (w: number) =>
          Array.from({ length: 200 }, (_, i): Document => ({ _key: `w${w}.${i}`, t: w, n: i }));
        const common = (w: number) => Array.from({ length: 50 }, (_, i): Document => ({ _key: `c${i}`, t: 9, w }));
        await Promise.all(
          writers.map(async (writer, w) => {
            for (let i = 0; i < 4; i++)
              await writer.transaction(async () => {
                await writer.upsert('signals', own(w).slice(i * 50, i * 50 + 50));
                await writer.upsert('signals', common(w));
              });
          }),
        );
        expect(await store.count('signals')).toBe(3 * 200 + 50);
        for (let w = 0; w < 3; w++)
          expect(await store.query('by_time', { collection: 'signals', from: w, to: w + 1 })).toEqual(own(w));
        // Whoever was last: one writer's documents as a whole, because each wrote them in one transaction.
        const last = await store.query('by_time', { collection: 'signals', from: 9, to: 10 });
        expect(new Set(last.map((d) => d['w'])).size).toBe(1);
        for (const writer of others) await writer.close();
      },
    );

    it('gives back 10,000 documents with every kind of value and the oddest of names and keys', async () => {
      const values: Json[] = [
        ...[
          null,
          true,
          false,
          0,
          -1,
          0.1 + 0.2,
          5e-324,
          -1.7976931348623157e308,
          2 ** 53,
          -(2 ** 53) + 1,
          2 ** 63,
          1e21,
        ],
        ...[
          '',
          'a',
          '"\\/\b\n\u0000\u007f',
          'ÄöÜß',
          '資金費率',
          '👍🏽',
          'e\u0301 \u00e9',
          '\ud800 half',
          '\\ud800',
          ' blank ',
        ],
        ...[[], [[[]]], [null, 1, 'x', { y: [2] }], {}, { a: { b: { c: {} } }, '': 1, 'x.y': 2, _id: 3 }],
      ];
      const names = [
        'v',
        '',
        'a.b',
        'a b',
        '@x',
        '$',
        '`',
        '"',
        '_id',
        '_rev',
        '_x',
        'chimera',
        'ключ',
        '名',
        'null',
        '0',
      ];
      const documents = Array.from({ length: 10_000 }, (_, i): Document => {
        const name = names[i % names.length]!;
        const key = documentKey(['trend', '趨勢', '👍🏽', 'a/b c', ''][i % 5]!, i);
        return { [name]: values[i % values.length]!, _key: key, t: 1_723_104_000_123_456 + i };
      });
      await store.upsert('logs', documents);
      const found = await store.query('by_time', { collection: 'logs', from: 0, to: Number.MAX_SAFE_INTEGER });
      expect(found).toEqual(documents);
      for (const d of documents.slice(0, 50)) expect(await store.get('logs', d._key)).toEqual(d);
    });

    it('walks no further than asked, and to each id on the shortest way, as far as brute force finds it', async () => {
      const ids = Array.from({ length: 12 }, (_, i) => `n/${i}`);
      const pair = fc.tuple(fc.nat(11), fc.nat(11));
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(pair, { maxLength: 30 }),
          fc.option(fc.nat(5), { nil: undefined }),
          async (pairs, depth) => {
            const name = (i: number): string => `${ids[i]}.${run}`;
            run++;
            await store.upsert(
              'lineage',
              pairs.map(([a, b], i) => edge(name(a), name(b), `e${i}`)),
            );
            for (const direction of ['ancestors', 'descendants'] as const) {
              const next = (i: number) =>
                direction === 'ancestors'
                  ? pairs.filter(([a]) => a === i).map(([, b]) => b)
                  : pairs.filter(([, b]) => b === i).map(([a]) => a);
              // Floods one step at a time.
              const distance = new Map([[0, 0]]);
              for (let d = 1; d <= (depth ?? 99); d++)
                for (const [i, at] of [...distance])
                  if (at === d - 1) for (const j of next(i)) if (!distance.has(j)) distance.set(j, d);
              const steps = await store.query('lineage', {
                id: name(0),
                direction,
                ...(depth === undefined ? {} : { depth }),
              });
              expect(new Map(steps.map((s) => [s.id, s.depth]))).toEqual(
                new Map([...distance].map(([i, d]) => [name(i), d])),
              );
              const depths = steps.map((s) => s.depth);
              expect(depths).toEqual([...depths].sort((a, b) => a - b));
              expect(steps).toHaveLength(distance.size);
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    it('puts first what says the words more often and in fewer others [STO.13]', async () => {
      const other = Array.from({ length: 20 }, (_, i) => ({ _key: `o${i}`, t: i, reason: `nothing to see ${i}` }));
      await store.upsert('signals', [
        ...other,
        { _key: 'once', t: 1, reason: 'the spread was a little wide on this side of a very quiet book today' },
        { _key: 'often', t: 2, reason: 'spread, spread and spread' },
        { _key: 'short', t: 3, reason: 'spread wide' },
      ]);
      const found = await store.query('full_text', { text: 'spread' });
      expect(found.map((f) => f.document._key)).toEqual(['often', 'short', 'once']);
      expect((await store.query('full_text', { text: 'spread', limit: 2 })).map((f) => f.document._key)).toEqual([
        'often',
        'short',
      ]);
    });
  });
}
