import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import type { Pipeline } from '../document/types.ts';
import { tapRow } from '../engine/tap.ts';
import { graphPair, impatient, inputs } from '../engine/testing-graph.ts';
import { add, closing, PORTS, source, timed, x } from '../engine/testing-nodes.ts';
import { exact, keyTable } from '../engine/testing-play.ts';
import { defineSink, input } from '../node.ts';
import { type OutcomeRecord, Outcomes } from '../outcome/journal.ts';
import { createPlan } from '../plan/plan.ts';
import { readCheckpoint } from '../runner/read-checkpoint.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { Run, type RunOptions, type RunResult } from '../runner/runner.ts';
import { Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { diffPipelines } from './diff.ts';
import type { PlannedReload, Reloaded, ReloadRecord } from './reload.ts';

const graphOf = (nodes: readonly BuildNode[]): Pipeline => buildPipeline([{ id: 'src', type: source }, ...nodes]);

interface Played {
  ports: Record<string, string[]>;
  result: RunResult;
  records: ReloadRecord[];
}
interface Options extends Partial<RunOptions> {
  blockRows?: number;
  into?: Record<string, string[]>;
  /** Asks for a reload once so many inputs have run. */
  reload?: { after: number; to: Pipeline; restart?: string[] };
  onReloaded?: (r: Reloaded | Error) => void;
}

async function play(pipeline: Pipeline, rows: InputRow[], options: Options = {}): Promise<Played> {
  const { blockRows = 1024, into: ports = {}, reload, onReloaded, ...rest } = options;
  const keys = keyTable();
  const records: ReloadRecord[] = [];
  let asked: Promise<void> | undefined;
  const run = new Run(createPlan(pipeline), {
    keys,
    taps: '*',
    readers: { src: async () => rowsReader(PORTS, rows, blockRows) },
    onTap: (tap) => {
      const port = `${tap.node}.${tap.port}`;
      ports[port] ??= [];
      const list = ports[port];
      for (let i = 0; i < tap.n; i++) {
        const key = tap.key(i) < 0 ? '-' : keys.at(tap.key(i)).name;
        list.push(`${tap.cause(i)}#${tap.seq(i)} t=${tap.time(i)} ${key} ${exact(tapRow(tap, i))}`);
      }
    },
    onReload: (r) => void records.push(r),
    onProgress: ({ events }) => {
      if (!reload || asked || events < reload.after) return;
      const { to, restart } = reload;
      asked = run.reload({ pipeline: to, ...(restart ? { restart } : {}) }).then(
        (r) => onReloaded?.(r),
        (e: Error) => onReloaded?.(e),
      );
    },
    ...rest,
  });
  try {
    return { ports, result: await run.execute(), records };
  } finally {
    await run.close();
    await asked;
  }
}
/** Ports that said nothing have no place in a comparison: who was asked about them depends on where commits fall. */
const said = (p: Played) => ({
  ports: Object.fromEntries(Object.entries(p.ports).filter(([, rows]) => rows.length > 0)),
  counters: p.result.counters,
  cycles: p.result.cycles,
});

describe('a graph that takes the place of a running one', () => {
  it('gives what a replay with the recorded change gives, generated, interpreted, in any blocks, and resumed around it', async () => {
    let changed = 0;
    const fates = { kept: 0, restarted: 0, dropped: 0, added: 0 };
    await fc.assert(
      fc.asyncProperty(
        graphPair(fc.boolean()),
        inputs,
        fc.nat(30),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(40), { maxLength: 3 }),
        async ([a, b], rows, after, size, stops) => {
          const [from, to] = [graphOf(a), graphOf(b)];
          const until = rows.at(-1)!.t + 20;
          const told: OutcomeRecord[] = [];
          const outcomes = new Outcomes({ write: (r) => told.push(r) });
          const wall = impatient;
          const trial = { inputs: after % 9 };
          const live = await play(from, rows, { until, outcomes, wall, blockRows: size, reload: { after, to }, trial });
          if (live.records.length === 0) return;
          changed++;
          const reloads: PlannedReload[] = live.records.map((record) => ({ record, pipeline: to }));
          for (const fate of ['kept', 'restarted', 'dropped', 'added'] as const)
            fates[fate] += live.records[0]![fate].length;
          const expected = said(live);
          const options = { until, wall, reloads };
          const closed = () => new Outcomes({ records: told, closed: true });
          for (const mode of ['generated', 'interpreted'] as const) {
            expect(said(await play(from, rows, { ...options, outcomes: closed(), mode }))).toEqual(expected);
            const blocks = { blockRows: size + 1, commitInputs: size };
            expect(said(await play(from, rows, { ...options, ...blocks, outcomes: closed(), mode }))).toEqual(expected);
          }
          // Stopped anywhere, and gone on with from the graph of the checkpoint.
          const store = new MemoryStore();
          const into: Record<string, string[]> = {};
          for (const stop of [...stops.sort((l, r) => l - r), Number.POSITIVE_INFINITY]) {
            const { commit } = await readCheckpoint(store, 'test');
            const abort = new AbortController();
            const last = await play(commit?.reloads ? to : from, rows, {
              ...options,
              outcomes: closed(),
              store,
              into,
              blockRows: 1,
              signal: abort.signal,
              onProgress: ({ events }) => events >= stop && abort.abort(),
            });
            if (stop === Number.POSITIVE_INFINITY) expect(said(last)).toEqual(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(25);
    expect(Math.min(...Object.values(fates))).toBeGreaterThan(20);
  });

  it('leaves alone what was kept and reads what was kept: its outputs are those of a run without a reload', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(graphPair(fc.constant(false)), inputs, fc.nat(30), async ([a, b], rows, after) => {
        const [from, to] = [graphOf(a), graphOf(b)];
        const until = rows.at(-1)!.t + 20;
        const changed = await play(from, rows, { until, blockRows: 2, reload: { after, to } });
        const plain = await play(from, rows, { until });
        const touched = new Set(
          diffPipelines(from, to)
            .nodes.filter((n) => n.fate !== 'kept' || n.reasons.length > 0)
            .map((n) => n.id),
        );
        for (const _ of to.nodes)
          for (const n of to.nodes) if (n.inputs.some((e) => touched.has(e.node))) touched.add(n.id);
        for (const [port, lines] of Object.entries(plain.ports)) {
          if (touched.has(port.split('.')[0]!)) continue;
          compared += lines.length;
          expect([port, changed.ports[port] ?? []]).toEqual([port, lines]);
        }
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(2000);
  });

  const rows = Array.from({ length: 40 }, (_, i) => x(100 + i, i, i % 2));

  it('says what was kept, restarted, dropped and added, and where', async () => {
    const from = graphOf([
      { id: 'same', type: add, in: { a: 'src.x' } },
      { id: 'other', type: add, in: { a: 'same.value' } },
      { id: 'gone', type: add, in: { a: 'src.x' } },
    ]);
    const to = graphOf([
      { id: 'same', type: add, in: { a: 'src.x' } },
      { id: 'other', type: add, in: { a: 'same.value' }, with: { plus: 5 } },
      { id: 'new', type: add, in: { a: 'other.value' } },
    ]);
    let answer: Reloaded | Error | undefined;
    const { records, ports } = await play(from, rows, {
      blockRows: 4,
      reload: { after: 10, to },
      onReloaded: (r) => {
        answer = r;
      },
    });
    expect(answer).toMatchObject({
      n: 1,
      from: from.hash,
      to: to.hash,
      kept: ['src', 'same'],
      restarted: ['other'],
      dropped: ['gone'],
      added: ['new'],
    });
    const { at } = records[0]!;
    expect(at.events).toBe(at.offsets['src']! + 1);
    // What started anew counts its runs from one again; what was kept goes on.
    const runs = (row: string) => Math.round((JSON.parse(row.slice(row.indexOf('{'))).value % 1) * 1000);
    const first = ports['other.value']!.filter((r) => Number(/#(\d+)/.exec(r)![1]) >= at.events);
    expect(runs(first[0]!)).toBe(runs(ports['same.value']![at.events]!) + 1);
    expect(ports['gone.value']).toHaveLength(at.events);
    expect(ports['new.value']).toHaveLength(rows.length - at.events);
  });

  it('is taken back when its first cycles fail: the old graph goes on from the same commit as if nothing had been', async () => {
    const from = graphOf([
      { id: 'n', type: add, in: { a: 'src.x' } },
      { id: 'out', type: closing, in: { a: 'n.value' } },
    ]);
    const failing = {
      ...add,
      step: () => {
        throw new Error('not today');
      },
    } as typeof add;
    const to = graphOf([
      { id: 'n', type: add, in: { a: 'src.x' } },
      { id: 'out', type: closing, in: { a: 'n.value' } },
      { id: 'bad', type: failing, in: { a: 'n.value' } },
    ]);
    const plain = await play(from, rows);
    for (const mode of ['generated', 'interpreted'] as const) {
      let answer: Reloaded | Error | undefined;
      const tried = await play(from, rows, {
        blockRows: 4,
        mode,
        reload: { after: 10, to },
        onReloaded: (r) => {
          answer = r;
        },
      });
      expect(answer).toMatchObject({ code: 'CHM750', where: { node: 'bad', source: 'src' } });
      expect(tried.records).toEqual([]);
      expect(said(tried)).toEqual(said(plain));
    }
  });

  it('keeps open sinks open, opens those that come and closes those that go', async () => {
    const log: string[] = [];
    const sink = defineSink({
      type: 'test.sink',
      version: 1,
      tier: 'silver',
      summary: 'test',
      determinism: 'external',
      config: add.config,
      ports: { in: { a: input(Scalar) } },
      open: async (_c, env) => {
        log.push(`open ${env.node}`);
        let n = 0;
        return {
          write: () => void n++,
          commit: async ({ epoch }) => void log.push(`commit ${env.node} ${epoch}: ${n}`),
          rollback: () => {},
          close: async () => void log.push(`close ${env.node}`),
        };
      },
    });
    const n: BuildNode = { id: 'n', type: add, in: { a: 'src.all' }, key: 'none' };
    const to = (id: string): BuildNode => ({ id, type: sink, in: { a: 'n.value' }, key: 'none' });
    const all = rows.map((r): InputRow => ({ ...r, port: 'all', key: -1 }));
    const { records } = await play(graphOf([n, to('stays'), to('goes')]), all, {
      blockRows: 4,
      reload: { after: 10, to: graphOf([n, to('stays'), to('comes')]) },
      trial: { inputs: 4 },
    });
    const { at } = records[0]!;
    expect(log).toEqual([
      'open stays',
      'open goes',
      'open comes',
      `commit stays 1: ${at.events}`,
      `commit goes 1: ${at.events}`,
      'close goes',
      `commit stays 2: ${at.events + 4}`,
      'commit comes 2: 4',
      'commit stays 3: 40',
      'commit comes 3: ' + (40 - at.events),
      'close stays',
      'close comes',
    ]);
  });

  it('refuses what cannot change under way, a second reload, and a run that is over, and goes on', async () => {
    const from = graphOf([{ id: 'n', type: add, in: { a: 'src.x' } }]);
    const other = { ...buildPipeline([{ id: 'src', type: source }]), name: 'another' };
    const source2 = { ...source, version: 2 };
    const changed = buildPipeline([{ id: 'src', type: source2 }]);
    for (const to of [other, changed]) {
      let answer: unknown;
      const played = await play(from, rows, {
        blockRows: 4,
        reload: { after: 5, to },
        onReloaded: (r) => (answer = r),
      });
      expect(answer).toMatchObject({ code: 'CHM751' });
      expect(said(played)).toEqual(said(await play(from, rows)));
    }
    const run = new Run(createPlan(from), { readers: { src: async () => rowsReader(PORTS, rows) }, keys: keyTable() });
    await expect(run.reload({ pipeline: from })).rejects.toMatchObject({ code: 'CHM754' });
    await run.execute();
    await expect(run.reload({ pipeline: from })).rejects.toMatchObject({ code: 'CHM754' });
    await run.close();
  });

  it('numbers the timers of a node that comes back behind those that it had fired', async () => {
    const n: BuildNode = { id: 'n', type: timed, in: { a: 'src.x' }, with: { after: 1 } };
    const plain: BuildNode = { id: 'm', type: add, in: { a: 'src.x' } };
    const [both, one] = [graphOf([n, plain]), graphOf([plain])];
    const first = await play(both, rows, { blockRows: 2, reload: { after: 8, to: one } });
    const back: PlannedReload[] = [
      { record: first.records[0]!, pipeline: one },
      {
        record: { ...first.records[0]!, n: 2, at: { ...first.records[0]!.at, offsets: { src: 25 }, events: 26 } },
        pipeline: both,
      },
    ];
    const { ports } = await play(both, rows, { reloads: back });
    const causes = ports['n.value']!.map((r) => r.split(' ')[0]!).filter((c) => c.startsWith('n#'));
    expect(new Set(causes).size).toBe(causes.length);
    expect(causes.length).toBeGreaterThan(5);
  });
});
