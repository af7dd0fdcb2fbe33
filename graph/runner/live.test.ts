import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JournaledReader } from '../../lake/journal/journaled-reader.ts';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import { exitOf } from '../document/halves.ts';
import type { Pipeline } from '../document/types.ts';
import { nextFloat, seedRandom } from '../math/index.ts';
import { type Ctx, defineGateway, defineNode, defineSource, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import type { PlannedReload, ReloadRecord } from '../reload/reload.ts';
import { type Block, type BlockReader, f64, int, KeyTable, type LiveReader, record } from '../schema/index.ts';
import { buildPipeline } from '../testing/build.ts';
import { EngineClock } from './engine-clock.ts';
import { type InputRow, toBlock } from './rows-reader.ts';
import { Run } from './runner.ts';

const Price = record('price', 1, { value: f64() });
const Command = record('command', 1, { id: int() });
const Answer = record('answer', 1, { id: int() });

/**
 * A world of its own time: things happen at random µs, also while the run is busy and between its looks at two sources; the
 * exchange answers each command some time later.
 */
class World {
  wall = 0;
  readonly #random;
  readonly #events: { at: number; go: () => void }[] = [];
  constructor(seed: number) {
    this.#random = seedRandom(seed);
  }
  random(): number {
    return nextFloat(this.#random);
  }
  at(t: number, go: () => void): void {
    let i = this.#events.length;
    while (i > 0 && this.#events[i - 1]!.at > t) i--;
    this.#events.splice(i, 0, { at: t, go });
  }
  /** Each look at the clock takes up to 3 µs, in which things happen. */
  now(): number {
    this.pass(this.wall + this.random() * 3);
    return this.wall;
  }
  pass(to: number): void {
    while (this.#events.length > 0 && this.#events[0]!.at <= to) {
      const e = this.#events.shift()!;
      this.wall = Math.max(this.wall, e.at);
      e.go();
    }
    this.wall = Math.max(this.wall, to);
  }
  get next(): number {
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
  }
}

class Ring implements LiveReader {
  wake = () => {};
  readonly ports;
  readonly #rows: InputRow[] = [];
  #clock: EngineClock;
  constructor(name: string, schema: typeof Price | typeof Answer, clock: EngineClock) {
    this.ports = [{ name, schema }];
    this.#clock = clock;
  }
  arrive(key: number, values: Record<string, unknown>): void {
    this.#rows.push({ t: this.#clock.stamp(), port: this.ports[0]!.name, key, values });
    this.wake();
  }
  poll(nowUs: number): Block | null {
    let n = 0;
    while (n < this.#rows.length && n < 7 && this.#rows[n]!.t <= nowUs) n++;
    return n === 0 ? null : toBlock(this.ports, this.#rows.splice(0, n));
  }
  read(): Promise<null> {
    return Promise.resolve(null);
  }
  async close() {}
}

const none = z.strictObject({});
const market = (name: string, open: () => Promise<BlockReader>) =>
  defineSource({
    type: `test.${name}`,
    version: 1,
    tier: 'bronze',
    summary: 'test',
    config: none,
    determinism: 'journaled',
    ports: { out: { price: output(Price) } },
    open,
  });
/** Says what it saw, sets timers, and sends a command now and then. */
const trader = defineNode({
  type: 'test.trader',
  version: 1,
  tier: 'gold',
  summary: 'test',
  config: none,
  determinism: 'pure',
  ports: {
    in: { a: input(Price), b: input(Price), answer: input(Answer) },
    out: { seen: output(Price), order: output(Command) },
  },
  state: () => ({ n: 0, sum: 0, asked: 0 }),
  step(s, tick, _c, emit, ctx) {
    if (tick.a.ticked) s.sum = s.sum * 0.5 + tick.a.value;
    if (tick.b.ticked) s.sum = s.sum * 0.5 - tick.b.value;
    if (tick.answer.ticked) s.sum += tick.answer.id;
    s.n++;
    if (s.n % 3 === 0) ctx.after(40, 1);
    if (ctx.timer === 1 && s.n % 2 === 0) {
      s.asked++;
      emit.order({ id: s.asked * 1000 + ctx.key.index });
    }
    emit.seen({ value: s.sum + (ctx.now % 1000) / 1e6 });
  },
});

interface Sent {
  id: number;
  cause: string;
}
/** Everything a run needs; commands reach `sent`, each is answered after up to 60 µs. */
function stage(
  world: World,
  clock: EngineClock | undefined,
  sent: Sent[],
  keep: { a?: Ring; b?: Ring; x?: Ring } = {},
  traders: readonly string[] = ['t'],
) {
  const ring = (name: 'a' | 'b' | 'x', port: string, schema: typeof Price | typeof Answer) => {
    keep[name] = new Ring(port, schema, clock!);
    return keep[name];
  };
  const exchange = defineGateway({
    type: 'test.exchange',
    version: 1,
    tier: 'gold',
    summary: 'test',
    config: none,
    determinism: 'journaled',
    ports: { in: { order: input(Command, { key: 'any' }) }, out: { answer: output(Answer) } },
    open: async () => {
      const reader = ring('x', 'answer', Answer);
      const waiting: Sent[] = [];
      return {
        reader,
        sink: {
          write(tick, ctx) {
            for (let i = 0; i < tick.order.n; i++)
              waiting.push({ id: tick.order.at(i).id, cause: `${ctx.cause.source}#${ctx.cause.seq}.${i}` });
          },
          pending: () => waiting.length > 0,
          flush() {
            for (const w of waiting.splice(0)) {
              // The write-ahead list of a real gateway: what has left once is not sent again.
              if (sent.some((s) => s.cause === w.cause && s.id === w.id)) continue;
              sent.push(w);
              world.at(world.wall + world.random() * 60, () => keep.x!.arrive(w.id % 1000, { id: w.id }));
            }
          },
          commit: async () => {},
          rollback: () => waiting.splice(0),
          close: async () => {},
        },
      };
    },
  });
  const pipeline = buildPipeline([
    { id: 'a', type: market('a', async () => ring('a', 'price', Price)) },
    { id: 'x', type: exchange, in: { order: 't.order' }, feedback: ['answer'] },
    { id: 'b', type: market('b', async () => ring('b', 'price', Price)) },
    ...traders.map((id, i) => ({
      id,
      type: trader,
      in: { a: 'a.price', b: i === 0 ? 'b.price' : 'a.price', answer: 'x.answer' },
      key: 'instrument' as const,
    })),
  ]);
  return createPlan(pipeline);
}
const keyTable = () => {
  const keys = new KeyTable();
  keys.declare('k0');
  keys.declare('k1');
  return keys;
};
type Rows = Record<string, string[]>;
function collect(into: Rows) {
  return (tap: {
    node: string;
    port: string;
    n: number;
    seq(r: number): number;
    value(r: number, c: number): unknown;
  }) => {
    const port = `${tap.node}.${tap.port}`;
    into[port] ??= [];
    const rows = into[port];
    for (let r = 0; r < tap.n; r++) rows.push(`${tap.seq(r)} ${tap.value(r, 0)}`);
  };
}

const dirs: string[] = [];
afterEach(() => {
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true, force: true });
});

/** One life of a live run: from the journals' ends until `stop` says so. */
async function live(o: {
  world: World;
  clock: EngineClock;
  dir: string;
  store: CheckpointStore;
  sent: Sent[];
  rows: Rows;
  stopAt: number;
  final: boolean;
  /** Another graph takes over about then. */
  reload?: { at: number; to: Pipeline; records: ReloadRecord[]; failing?: boolean };
  reloads?: readonly PlannedReload[];
}) {
  const { world, clock } = o;
  const rings: { a?: Ring; b?: Ring; x?: Ring } = {};
  const finish = new AbortController();
  const stop = new AbortController();
  world.at(o.stopAt, () => (o.final ? finish : stop).abort());
  const { reload, reloads } = o;
  const plan = stage(world, clock, o.sent, rings, o.reloads?.length ? ['t', 'u'] : ['t']);
  const run = new Run(plan, {
    keys: keyTable(),
    store: o.store,
    ...(reloads ? { reloads } : {}),
    onReload: (r) => void reload?.records.push(r),
    trial: { inputs: 10, ms: 0.5 },
    taps: '*',
    onTap: collect(o.rows),
    wrap: (source, reader) => JournaledReader.open(reader, join(o.dir, source), keyTable(), () => world.wall / 1000),
    signal: stop.signal,
    live: {
      clock,
      commitMs: 0.3,
      finish: finish.signal,
      sync: () => {},
      wait: async (ms, offer) => {
        let woken = false;
        offer(() => (woken = true));
        const until = world.wall + ms * 1000;
        while (!woken && world.wall < until) world.pass(Math.min(until, Math.max(world.next, world.wall)));
      },
    },
  });
  if (reload)
    world.at(reload.at, () => {
      run.reload({ pipeline: reload.to }).catch((e: { code?: string }) => {
        if (!reload.failing || e.code !== 'CHM750') throw e;
      });
    });
  for (let t = world.wall; t < o.stopAt; t += world.random() * 20) {
    const which = world.random() < 0.5 ? 'a' : 'b';
    const key = world.random() < 0.5 ? 0 : 1;
    world.at(t, () => rings[which]?.arrive(key, { value: Math.round(world.random() * 1000) }));
  }
  try {
    return await run.execute();
  } finally {
    await run.close();
  }
}

async function replay(dir: string, until: number, reloads: readonly PlannedReload[] = []): Promise<Rows> {
  const rows: Rows = {};
  const readers = Object.fromEntries(
    [
      ['a', 'price', Price],
      ['b', 'price', Price],
      ['x', 'answer', Answer],
    ].map(([id, port, schema]) => [
      id as string,
      async () => {
        const dead = new Ring(port as string, schema as typeof Price, new EngineClock(() => 0, 0));
        return JournaledReader.open(dead, join(dir, id as string), keyTable(), () => 0);
      },
    ]),
  );
  const run = new Run(stage(new World(0), undefined, []), {
    keys: keyTable(),
    taps: '*',
    onTap: collect(rows),
    readers,
    reloads,
    until,
  });
  await run.execute();
  await run.close();
  return rows;
}

describe('a live run', () => {
  it('is repeated bit for bit by its journals, whatever arrived while it was busy', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const dir = mkdtempSync(join(tmpdir(), 'chimera-live-'));
      dirs.push(dir);
      const world = new World(seed);
      const rows: Rows = {};
      const sent: Sent[] = [];
      const clock = new EngineClock(() => world.now(), 1_000_000);
      const r = await live({ world, clock, dir, store: new MemoryStore(), sent, rows, stopAt: 6000, final: true });
      expect(sent.length, `commands of seed ${seed}`).toBeGreaterThan(5);
      expect(rows['x.answer']!.length).toBeGreaterThan(3);
      expect(await replay(dir, r.until_us!), `seed ${seed}`).toEqual(rows);
    }
  });
  it('is repeated bit for bit with the graph that took over on the way, stopped behind it, and gone on with', async () => {
    const to = stage(new World(0), undefined, [], {}, ['t', 'u']).pipeline;
    for (let seed = 1; seed <= 12; seed++) {
      const dir = mkdtempSync(join(tmpdir(), 'chimera-live-'));
      dirs.push(dir);
      const world = new World(seed);
      const rows: Rows = {};
      const records: ReloadRecord[] = [];
      const clock = new EngineClock(() => world.now(), 1_000_000);
      const both = { world, clock, dir, store: new MemoryStore(), sent: [], rows };
      const reload = { at: 500 + world.random() * 2000, to, records };
      await live({ ...both, reload, stopAt: 4000, final: false });
      expect(records, `seed ${seed}`).toHaveLength(1);
      const reloads = records.map((record) => ({ record, pipeline: to }));
      const r = await live({ ...both, reloads, stopAt: 6000, final: true });
      expect(rows['u.seen']!.length).toBeGreaterThan(20);
      expect(await replay(dir, r.until_us!, reloads), `seed ${seed}`).toEqual(rows);
    }
  });
  it('sends nothing of a graph that is taken back, and is repeated as if it had never been', async () => {
    const to = stage(new World(0), undefined, [], {}, ['t', 'u']).pipeline;
    const nodes = to.nodes.map((n) => {
      if (n.id !== 'u') return n;
      const step = (_s: unknown, _t: unknown, _c: unknown, _e: unknown, ctx: Ctx) => {
        // Not at once: some of its cycles have passed by then.
        if (ctx.cause.seq % 4 === 3) throw new Error('not today');
      };
      return { ...n, type: { ...n.type, step } as typeof n.type };
    });
    for (let seed = 1; seed <= 12; seed++) {
      const dir = mkdtempSync(join(tmpdir(), 'chimera-live-'));
      dirs.push(dir);
      const world = new World(seed);
      const rows: Rows = {};
      const records: ReloadRecord[] = [];
      const clock = new EngineClock(() => world.now(), 1_000_000);
      const reload = { at: 500 + world.random() * 2000, to: { ...to, nodes, hash: 'bad' }, records, failing: true };
      const all = { world, clock, dir, store: new MemoryStore(), sent: [], rows };
      const r = await live({ ...all, reload, stopAt: 6000, final: true });
      expect(records).toEqual([]);
      expect(await replay(dir, r.until_us!), `seed ${seed}`).toEqual(rows);
    }
  });
  it('goes on after a stop where its journals end, and sends no command twice', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const dir = mkdtempSync(join(tmpdir(), 'chimera-live-'));
      dirs.push(dir);
      const world = new World(seed);
      const rows: Rows = {};
      const sent: Sent[] = [];
      const store = new MemoryStore();
      let until = 0;
      for (let life = 1; life <= 4; life++) {
        const clock = new EngineClock(() => world.now(), 1_000_000 + world.wall);
        const r = await live({ world, clock, dir, store, sent, rows, stopAt: life * 1500, final: life === 4 });
        until = r.until_us!;
      }
      expect(new Set(sent.map((s) => s.id)).size).toBe(sent.length);
      expect(await replay(dir, until), `seed ${seed}`).toEqual(rows);
    }
  });
  it('refuses a source that has to be read [CHM747]', async () => {
    const plan = stage(new World(1), undefined, []);
    const dead: BlockReader = {
      ports: [{ name: 'price', schema: Price }],
      read: async () => null,
      close: async () => {},
    };
    const clock = new EngineClock(() => 0, 0);
    const run = new Run(plan, {
      keys: keyTable(),
      readers: {
        a: async () => dead,
        b: async () => dead,
        x: async () => ({ ...dead, ports: [{ name: 'answer', schema: Answer }] }),
      },
      live: { clock, finish: new AbortController().signal, sync: () => {} },
    });
    await expect(run.execute()).rejects.toMatchObject({ code: 'CHM747' });
  });
});

describe('a gateway', () => {
  it('is a source with its id and a sink behind it, so that what it answers is no loop', () => {
    const plan = stage(new World(1), undefined, []);
    expect(plan.nodes.map((n) => n.id)).toContain(exitOf('x'));
    expect(plan.nodes.find((n) => n.id === 'x')!.rank).toBe(0);
    expect(plan.nodes.find((n) => n.id === exitOf('x'))!.rank).toBe(2);
  });
});
