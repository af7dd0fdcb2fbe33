import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Engine } from '../engine/engine.ts';
import { toOperator } from '../engine/standalone.ts';
import { add, asking, fragile, join, source, timed, x } from '../engine/testing-nodes.ts';
import { keyTable, type PlayOptions, play } from '../engine/testing-play.ts';
import { type AnyAsync, defineAsyncNode, defineNode, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import { toBlock } from '../runner/rows-reader.ts';
import { Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type OutcomeRecord, Outcomes } from './journal.ts';
import { type Wall, wall } from './wall.ts';

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test' };
/** Deadlines pass as soon as nothing else is to be done; tells what was asked of it. */
const waited: number[] = [];
const impatient: Wall = {
  after(us, call) {
    waited.push(us);
    const handle = setImmediate(call);
    return () => clearImmediate(handle);
  },
};
const never = () => new Promise<never>(() => {});
const refused = () => {
  throw new Error('a replay asked');
};
const opened = () => {
  throw new Error('a replay opened what it could ask');
};
const graph = (type: AnyAsync, onError: 'stop' | 'quarantine' = 'stop'): BuildNode[] => [
  { id: 'ask', type, in: { a: 'src.x' }, onError },
  { id: 'next', type: add, in: { a: 'ask.value', b: 'src.x' } },
];
const rows = [x(1, 1), x(2, 2, 1), x(3, 3), x(4, 4), x(5, 5, 1), x(6, 7)];

/** A live run and what it wrote down. */
async function live(nodes: BuildNode[], options: PlayOptions = {}, inputs = rows) {
  const told: OutcomeRecord[] = [];
  const outcomes = new Outcomes({ write: (r) => told.push(r) });
  return { ...(await play(nodes, inputs, { outcomes, wall: impatient, ...options })), told };
}
const replay = (nodes: BuildNode[], told: readonly OutcomeRecord[], options: PlayOptions = {}, inputs = rows) =>
  play(nodes, inputs, { outcomes: new Outcomes({ records: told, closed: true }), wall: impatient, ...options });

describe('an asynchronous node', () => {
  it('is awaited within its cycle: what joins it with its own input runs once, with the answer', async () => {
    const nodes: BuildNode[] = [
      { id: 'ask', type: asking(async ({ value }) => ({ value: value * 10 })), in: { a: 'src.x' } },
      { id: 'side', type: add, in: { a: 'src.x' } },
      { id: 'join', type: join, in: { p: 'src.x', q: 'side.value', r: 'ask.value' } },
    ];
    const { ports, result } = await live(nodes, {}, [x(1, 4)]);
    // 10·4 answered, + 4 + 1 question · 1e-3; then 4·1 + (4 + 1 + 1e-3)·2 + that·3, each with 0.5 for having ticked.
    expect(ports['ask.value']).toEqual(['src#0 t=1 K0 {"value":44.001}']);
    expect(JSON.parse(ports['join.value']![0]!.split(' ')[3]!).value).toBeCloseTo(4 + 10.002 + 132.003 + 1.5, 9);
    expect(ports['join.value']).toHaveLength(1);
    expect(result.cycles).toBe(1);
  });
  it('has its outcome written down before anything downstream is emitted', async () => {
    const log: string[] = [];
    const watch = defineNode({
      ...base,
      determinism: 'pure',
      type: 'test.watch',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
      state: () => ({}),
      step(_s, tick, _c, emit, ctx) {
        log.push(`emitted ${ctx.cause.seq}`);
        emit.value({ value: tick.a.value });
      },
    });
    const type = asking(async ({ value }) => ({ value }));
    const outcomes = new Outcomes({ write: (r) => log.push(`kept ${r.id.seq}`) });
    await play(
      [
        { id: 'ask', type, in: { a: 'src.x' } },
        { id: 'watch', type: watch, in: { a: 'ask.value' } },
      ],
      rows.slice(0, 2),
      { outcomes },
    );
    expect(log).toEqual(['kept 0', 'emitted 0', 'kept 1', 'emitted 1']);
  });
  it('asks instance by instance in order of name, also when its timer or the end of another node wakes it', async () => {
    const last = defineNode({
      ...base,
      determinism: 'pure',
      type: 'test.last',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
      state: () => ({ a: 0 }),
      step(s, tick) {
        s.a = tick.a.value;
      },
      end: (s, _c, emit) => emit.value({ value: s.a }),
    });
    const asked: string[] = [];
    const type = asking(async ({ value, n }, { key }) => {
      asked.push(`${key} ${value} ${n}`);
      return { value };
    });
    const nodes: BuildNode[] = [
      { id: 'total', type: add, in: { a: 'src.all' }, key: 'none' },
      { id: 'first', type: add, in: { a: 'src.x', b: 'total.value' } },
      { id: 'late', type, in: { a: 'first.value' }, with: { after: 2 } },
      { id: 'last', type: last, in: { a: 'src.x' } },
      { id: 'end', type, in: { a: 'last.value' } },
    ];
    const inputs = [x(1, 1, 1), x(1, 1, 0), { ...x(2, 9, -1, 'all') }];
    const { told } = await live(nodes, { until: 9 }, inputs);
    expect(told.map(({ id }) => `${id.node} ${id.key} ${id.source}#${id.seq}`)).toEqual([
      'late usdm:K1 src#0',
      'late usdm:K0 src#1',
      'late usdm:K0 src#2',
      'late usdm:K1 src#2',
      'late usdm:K0 late#0',
      'late usdm:K1 late#1',
      'end usdm:K0 last#0',
      'end usdm:K1 last#1',
    ]);
    expect(asked[0]).toBe('usdm:K1 2.001 1');
    const again = await replay(nodes, told, { until: 9, mode: 'interpreted' }, inputs);
    expect(again.ports).toEqual((await replay(nodes, told, { until: 9 }, inputs)).ports);
  });
  it('costs no wait when nothing is asked or the answer is there at once', async () => {
    waited.length = 0;
    const { told } = await live(graph(asking(({ value }) => ({ value }))));
    expect(told).toHaveLength(5);
    expect(waited).toEqual([]);
  });
  it('gets exactly what the journal will give again: the answer through the codec, bit for bit', async () => {
    const seen: unknown[] = [];
    const type = (answer: () => unknown) =>
      defineAsyncNode({
        ...base,
        determinism: 'journaled',
        type: 'test.exact',
        config: none,
        ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
        deadlineUs: () => 1,
        state: () => ({}),
        ask: () => ({}),
        fallback: (): unknown => 0,
        step: (_s, _t, _c, _e, _x, answer) => void seen.push(answer!.value),
        open: async () => ({ answer }),
      });
    const given = { zero: -0, none: Number.NaN, list: Float64Array.of(1, -0), big: new Map([[1, null]]) };
    const { told } = await live([{ id: 'e', type: type(async () => given), in: { a: 'src.x' } }], {}, [x(1, 1)]);
    await replay([{ id: 'e', type: type(refused), in: { a: 'src.x' } }], told, {}, [x(1, 1)]);
    expect(seen).toEqual([given, given]);
    expect(seen[0]).not.toBe(given);
    // What no journal could give again is a failure of the node.
    await expect(live([{ id: 'e', type: type(() => () => 1), in: { a: 'src.x' } }])).rejects.toMatchObject({
      code: 'CHM710',
      where: { node: 'e' },
    });
  });
});

describe('a deadline', () => {
  const late = asking(({ value }) => (value % 2 === 0 ? never() : Promise.resolve({ value: value * 10 })));

  it('lets the fallback count, and the replay takes the same branch without asking or opening anything', async () => {
    waited.length = 0;
    const { ports, told } = await live(graph(late));
    expect(told.map((r) => [r.id.seq, r.id.key, r.outcome.kind])).toEqual([
      [0, 'usdm:K0', 'value'],
      [1, 'usdm:K1', 'fallback'],
      [3, 'usdm:K0', 'fallback'],
      [4, 'usdm:K1', 'value'],
      [5, 'usdm:K0', 'value'],
    ]);
    expect(waited).toEqual([1000, 1000, 1000, 1000, 1000]);
    for (const mode of ['generated', 'interpreted'] as const)
      expect((await replay(graph(asking(refused, opened)), told, { mode })).ports).toEqual(ports);
  });
  it('tells the one who answers that nobody waits any more, and what comes later changes nothing', async () => {
    const aborted: number[] = [];
    const slow = asking(
      ({ value }, { signal }) =>
        new Promise((done, fail) => {
          signal.addEventListener('abort', () => {
            aborted.push(value);
            // Too late, one way or the other.
            if (value === 1) done({ value: 1e6 });
            else fail(new Error('aborted'));
          });
        }),
    );
    const { ports, told } = await live(graph(slow));
    expect(aborted).toEqual([1, 2, 4, 5, 7]);
    expect(told.every((r) => r.outcome.kind === 'fallback')).toBe(true);
    expect((await replay(graph(asking(refused)), told)).ports).toEqual(ports);
  });
  it('holds on the wall clock, so that an answer that never comes does not hang the run', async () => {
    const { told } = await live(graph(asking(never)), { wall });
    expect(told.map((r) => r.outcome.kind)).toEqual(Array(5).fill('fallback'));
  });
});

describe('a failed answer', () => {
  it('is asked for once more, as every failed cycle is run again, and then nothing shows of it', async () => {
    const failing = () => {
      let failed = false;
      return asking(({ value }) => {
        if (value === 4 && !failed) {
          failed = true;
          return Promise.reject(new Error('busy'));
        }
        return { value };
      });
    };
    const smooth = await live(graph(asking(({ value }) => ({ value }))));
    for (const commitInputs of [1, 3, 100]) {
      const { ports, told, result } = await live(graph(failing()), { commitInputs, blockRows: 1 });
      expect(ports).toEqual(smooth.ports);
      expect(result.quarantined).toEqual([]);
      expect(told.map((r) => r.outcome)).toEqual(smooth.told.map((r) => r.outcome));
    }
  });
  it('stops the run when it fails again; nothing of it is written, so that a new start asks again', async () => {
    const told: OutcomeRecord[] = [];
    const asked: number[] = [];
    let down = true;
    const type = asking(async ({ value }) => {
      asked.push(value);
      if (value === 4 && down) throw new Error('no connection');
      return { value };
    });
    const outcomes = () => new Outcomes({ records: told, write: (r) => told.push(r) });
    await expect(play(graph(type), rows, { outcomes: outcomes() })).rejects.toMatchObject({
      code: 'CHM703',
      message: expect.stringContaining('no connection'),
      where: { node: 'ask' },
    });
    expect(asked).toEqual([1, 2, 4, 4]);
    down = false;
    const { ports } = await play(graph(type), rows, { outcomes: outcomes() });
    expect(asked).toEqual([1, 2, 4, 4, 4, 5, 7]);
    expect((await replay(graph(asking(refused)), told)).ports).toEqual(ports);
  });
  it('quarantines the instance where the document says so, and a replay quarantines it at the same input', async () => {
    let asked = 0;
    const type = asking(({ value }) => {
      asked++;
      if (value === 4) throw Object.assign(new Error('no such model'), { code: 'CHM001' });
      return { value };
    });
    const { ports, told, result } = await live(graph(type, 'quarantine'));
    expect(result.quarantined).toEqual([
      { node: 'ask', key: 'usdm:K0', source: 'src', seq: 3, code: 'CHM001', message: 'no such model' },
    ]);
    expect(asked).toBe(5);
    expect(told.map((r) => r.outcome.kind)).toEqual(['value', 'value', 'error', 'value']);
    const again = await replay(graph(asking(refused), 'quarantine'), told);
    expect(again.ports).toEqual(ports);
    expect(again.result).toEqual(result);
  });
});

describe('what was told', () => {
  it('is not asked again when a later node fails and the run goes back', async () => {
    const asked: number[] = [];
    const type = asking(async ({ value }) => {
      asked.push(value);
      return { value };
    });
    const nodes: BuildNode[] = [
      ...graph(type),
      { id: 'weak', type: fragile, in: { a: 'src.x' }, onError: 'quarantine' },
    ];
    const inputs = [x(1, 1), x(2, 2), x(3, 13), x(4, 14)];
    const { result, ports, told } = await live(nodes, {}, inputs);
    expect(result.quarantined).toMatchObject([{ node: 'weak', seq: 2 }]);
    expect(asked).toEqual([1, 2, 13, 14]);
    expect((await replay(nodes, told, {}, inputs)).ports).toEqual(ports);
  });
  it('is not asked again after a crash at any question', async () => {
    const straight = await live(graph(asking(async ({ value }) => ({ value }))));
    for (let crash = 1; crash <= 5; crash++) {
      const told: OutcomeRecord[] = [];
      let asked = 0;
      const type = asking(async ({ value }) => {
        asked++;
        return { value };
      });
      const dying = new Outcomes({
        write: (r) => {
          told.push(r);
          if (told.length === crash) throw new Error('killed');
        },
      });
      // What the journal throws is no node's failure: it ends the run as it is.
      await expect(play(graph(type), rows, { outcomes: dying })).rejects.toThrow('killed');
      const { ports } = await live(graph(type), {
        outcomes: new Outcomes({ records: told, write: (r) => told.push(r) }),
      });
      expect(asked).toBe(5);
      expect(ports).toEqual(straight.ports);
    }
  });
  it('is forgotten once a commit holds what came of it', () => {
    const outcomes = new Outcomes();
    const id = { node: 'n', key: '', source: 's', seq: 1 };
    outcomes.keep({ id, asked: 7, now: 5, outcome: { kind: 'fallback' } });
    expect(outcomes.find(id, 7)).toEqual({ kind: 'fallback' });
    expect(outcomes.find({ ...id, seq: 2 }, 7)).toBeUndefined();
    outcomes.committed(1);
    expect(outcomes.find(id, 7)).toBeUndefined();
  });
  it('answers the very question only: another input under the number of a lost one asks for itself', async () => {
    const asked: number[] = [];
    const type = asking(async ({ value }) => {
      asked.push(value);
      return { value };
    });
    const { told } = await live(graph(type), {}, [x(1, 1), x(2, 4)]);
    // Power fails: the outcomes are on disk, the second input is not, and something else arrives in its place.
    const now = [x(1, 1), x(2, 5)];
    const { ports } = await live(
      graph(type),
      { outcomes: new Outcomes({ records: told, write: (r) => told.push(r) }) },
      now,
    );
    expect(asked).toEqual([1, 4, 5]);
    expect((await replay(graph(asking(refused)), told, {}, now)).ports).toEqual(ports);
  });
  it('must be there in a replay [CHM746]', async () => {
    const { told } = await live(graph(asking(async ({ value }) => ({ value }))));
    await expect(replay(graph(asking(refused)), told.slice(0, 2))).rejects.toMatchObject({
      code: 'CHM746',
      message: expect.stringContaining('src #3'),
    });
  });
});

describe('callers that cannot wait', () => {
  it('are refused instead of passing over the node [CHM790]', () => {
    const type = asking(({ value }) => ({ value }));
    const engine = new Engine(
      createPlan(
        buildPipeline([{ id: 'src', type: source }, ...graph(type), { id: 't', type: timed, in: { a: 'src.x' } }]),
      ),
      keyTable(),
    );
    const block = toBlock([{ name: 'x', schema: Scalar }], [x(1, 1)]);
    expect(() => engine.run(0, block, 0)).toThrowError(
      expect.objectContaining({ code: 'CHM790', where: { node: 'ask' } }),
    );
    expect(() => toOperator(type)).toThrowError(expect.objectContaining({ code: 'CHM790' }));
  });
});
