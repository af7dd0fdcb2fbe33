import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../graph/document/types.ts';
import { nextInt, seedRandom } from '../../graph/math/index.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { ArangoDouble } from '../../sinks/store/arango/double/arango-double.ts';
import { COLLECTIONS, type Collection, openRunStore, type StoreChoice } from '../../sinks/store/index.ts';
import { type RunJob, type RunReport, runJob } from './run.ts';
import { synthetic, trend } from './testing/trend.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-run-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => join(root, String(folders++));

const PASSWORD = 'correct horse';
let double: ArangoDouble;
beforeAll(async () => {
  double = await ArangoDouble.start({ users: { trader: { password: PASSWORD, rights: { '*': 'rw' } } } });
});
afterAll(() => double.stop());
let databases = 0;
const FAST = { attempts: 3, firstWaitMs: 1, maxWaitMs: 2 };
const database = (name = `db${databases++}`): StoreChoice => ({
  address: `arango:http://trader@${double.url.slice('http://'.length)}/${name}`,
  options: { passwordFrom: () => PASSWORD, retry: FAST },
});

const MARKET = synthetic('outage_every: 8s', '20s');
const PIPELINE = trend(MARKET);
const named = (name: string): Pipeline => ({ ...PIPELINE, name });
const start = (job: Partial<RunJob>): Promise<RunReport> =>
  runJob({ pipeline: PIPELINE, inputs: [], seed: 1, commitInputs: 1500, ...job });

/** Every document of a store, sorted, as text; `lineage` among them. */
async function documents(dir: string | undefined, store?: StoreChoice, pipeline = 'trend') {
  const opened = await openRunStore(dir, store);
  const all: Partial<Record<Collection, string[]>> = {};
  for (const collection of Object.keys(COLLECTIONS) as Collection[]) {
    const from = Number.MIN_SAFE_INTEGER;
    const found = await opened.query('by_time', { collection, from, to: Number.MAX_SAFE_INTEGER });
    expect(found).toHaveLength(await opened.count(collection));
    all[collection] = found
      .filter((d) => new RegExp(`["/]${pipeline}\\.`).test(JSON.stringify(d)))
      .map((d) => JSON.stringify(Object.entries(d).sort(([a], [b]) => (a < b ? -1 : 1))))
      .sort();
  }
  await opened.close();
  return all;
}
let expected: Awaited<ReturnType<typeof documents>>;
let straight: RunReport;
beforeAll(async () => {
  const state = folder();
  straight = await start({ state });
  expected = await documents(state);
});

/** Lives that end at random moments: stopped at a commit, or as a crash ends one, perhaps within a commit. */
async function withEnds(seed: number, job: Partial<RunJob>): Promise<{ ends: number; report: RunReport }> {
  const random = seedRandom(seed);
  for (let ends = 0; ; ends++) {
    const abort = new AbortController();
    const at = nextInt(random, 2500);
    const way = nextInt(random, 3);
    let first: number | undefined;
    const crash = () => {
      throw new ChimeraError('CHM918', 'the plug was pulled');
    };
    try {
      const report = await start({
        ...job,
        commitInputs: 200 + nextInt(random, 1500),
        signal: abort.signal,
        onProgress: ({ events }) => {
          first ??= events;
          if (ends > 7 || events < first + at) return;
          if (way === 0) abort.abort();
          if (way === 1) crash();
        },
        onCommit: () => {
          if (ends <= 7 && way === 2 && nextInt(random, 3) === 0) crash();
        },
      });
      if (!abort.signal.aborted) return { ends, report };
    } catch (e) {
      if (!(e instanceof ChimeraError && e.code === 'CHM918')) throw e;
    }
  }
}

describe('a run with a database as its store', () => {
  it('leaves there, document for document, what it leaves in the embedded store [STO.1]', async () => {
    const store = database();
    const report = await start({ store, state: folder() });
    expect(report).toMatchObject({ ok: true, events_in: straight.events_in, graph_hash: straight.graph_hash });
    expect(await documents(undefined, store)).toEqual(expected);
    for (const c of ['signals', 'orders', 'fills', 'positions_snapshots', 'strategy_events', 'lineage'] as const)
      expect([c, expected[c]!.length > 5]).toEqual([c, true]);
  });

  it.each([
    ['with a state folder', 1, true],
    ['without one', 2, false],
  ])('%s goes on from its last commit, and ends with the same documents [DEP.23]', async (_, seed, withState) => {
    const store = database();
    const taps = { 'venue.report': `${folder()}.csv` };
    const { ends, report } = await withEnds(seed, { store, taps, ...(withState ? { state: folder() } : {}) });
    expect(ends).toBeGreaterThan(4);
    expect(report.events_in).toBe(straight.events_in);
    expect(await documents(undefined, store)).toEqual(expected);
    const once = { 'venue.report': `${folder()}.csv` };
    expect(report.taps).toEqual((await start({ taps: once })).taps);
  });

  it('shares it with another pipeline: neither sees the other’s checkpoints and documents', async () => {
    const store = database();
    const jobs = ['trend', 'other'].map((name) => ({
      store,
      pipeline: named(name),
      taps: { 'venue.report': `${folder()}.jsonl` },
    }));
    // Both stop in their middle, then both go on: at the same time, so that their commits take turns.
    for (const [i, job] of jobs.entries()) {
      const abort = new AbortController();
      await start({ ...job, signal: abort.signal, onProgress: (p) => p.events > 2000 + i * 1500 && abort.abort() });
    }
    const [one, two] = await Promise.all(jobs.map((job) => start(job)));
    expect(one!.events_in).toBe(straight.events_in);
    expect(two!.events_in).toBe(straight.events_in);
    expect(two!.taps).toEqual(one!.taps);
    expect(await documents(undefined, store)).toEqual(expected);
    const state = folder();
    await start({ pipeline: named('other'), state });
    expect(await documents(undefined, store, 'other')).toEqual(await documents(state, undefined, 'other'));
  });

  it('is refused one that holds another run of its pipeline, or another graph', async () => {
    const store = database();
    const [state, other] = [folder(), folder()];
    await start({ store, state });
    await expect(start({ store, state: other })).rejects.toMatchObject({ code: 'CHM945' });
    await expect(start({ store })).rejects.toMatchObject({ code: 'CHM945' });
    const changed = { ...PIPELINE, hash: '0'.repeat(64) };
    await expect(start({ store, state, pipeline: changed })).rejects.toMatchObject({ code: 'CHM920' });
    expect(await start({ store, state })).toMatchObject({ events_in: straight.events_in });
    expect(await documents(undefined, store)).toEqual(expected);
  });

  it('begun anew runs from its first input each time, over the same documents', async () => {
    const store = database();
    const seen: number[] = [];
    for (let i = 0; i < 2; i++) {
      let events = 0;
      await start({
        store,
        anew: true,
        onBlock: (_, block) => {
          events += block.n;
        },
      });
      seen.push(events);
    }
    expect(seen).toEqual([straight.events_in, straight.events_in]);
    expect(await documents(undefined, store)).toEqual(expected);
    await expect(start({ store, anew: true, seed: 2 })).rejects.toMatchObject({ code: 'CHM945' });
  });

  it('refuses to capture or to be paced when there is no folder for its journals', async () => {
    const store = database();
    await expect(start({ store, capture: folder() })).rejects.toMatchObject({ code: 'CHM946' });
    await expect(start({ store, pace: 10 })).rejects.toMatchObject({ code: 'CHM946' });
    const report = await start({ store, capture: folder(), state: folder() });
    expect(report).toMatchObject({ ok: true, events_in: straight.events_in, journal: { failures: 0 } });
    expect(await documents(undefined, store)).toEqual(expected);
  });

  it('stops with a code when the server takes no more writes, and goes on when it does', async () => {
    const store = database();
    const state = folder();
    let commits = 0;
    const failed = start({
      store,
      state,
      onCommit: () => {
        if (++commits === 3) double.readOnly = true;
      },
    });
    await expect(failed).rejects.toMatchObject({ code: 'CHM863' });
    double.readOnly = false;
    expect(await start({ store, state })).toMatchObject({ events_in: straight.events_in });
    expect(await documents(undefined, store)).toEqual(expected);
  });
});

describe('a store that cannot be used', () => {
  const at = (address: string, password = PASSWORD): Promise<unknown> =>
    start({ store: { address, options: { passwordFrom: () => password, retry: FAST } } });

  it('is named by a code, and never with its password', async () => {
    const host = double.url.slice('http://'.length);
    const cases: [string, string, string?][] = [
      ['CHM854', 'somewhere'],
      ['CHM854', `arango:http://trader:geheim@${host}/db`],
      ['CHM854', `arango:http://${host}/no such name`],
      ['CHM855', 'arango:http://trader@127.0.0.1:1/db'],
      ['CHM856', `arango:http://trader@${host}/db`, 'geheim'],
      ['CHM856', `arango:http://nobody@${host}/db`, 'geheim'],
    ];
    for (const [code, address, password] of cases) {
      const e = await at(address, password).then(
        () => undefined,
        (x: ChimeraError) => x,
      );
      expect(e).toMatchObject({ code, help: expect.any(String) });
      expect(e!.toString()).not.toMatch(/geheim|correct horse/);
    }
    double.version = '3.9.0';
    await expect(start({ store: database() })).rejects.toMatchObject({ code: 'CHM860' });
    double.version = '3.12.4';
  });
});
