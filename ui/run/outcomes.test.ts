import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { asking, burst, source } from '../../graph/engine/testing-nodes.ts';
import { type AnyAsync, defineSource, output } from '../../graph/node.ts';
import type { OutcomeRecord } from '../../graph/outcome/journal.ts';
import { type InputRow, rowsReader } from '../../graph/runner/rows-reader.ts';
import { KeyTable, MARKET_PORTS, type Schema } from '../../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../../graph/testing/build.ts';
import { openLake } from '../../lake/open-lake.ts';
import { flatten } from '../../operators/flow/index.ts';
import { compareTaps } from './compare-taps.ts';
import { readOutcomes } from './outcomes.ts';
import { parity } from './parity.ts';
import { type RunJob, runJob } from './run.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-outcomes-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => join(root, String(folders++));

/** With the ports of a market, because that is what a lake gives back. */
const ports = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema: schema as Schema }));
const ROWS = Array.from({ length: 60 }, (_, i): InputRow => {
  const values = { id: i, px: (i * 7) % 10, qty: 1, side: 'buy', time_ms: i, on_market: true, agg: false };
  return { t: 1000 * (i + 1), port: 'trade', key: i % 2, values: { ...values, event_ms: i, first_id: i, last_id: i } };
});
const market = defineSource({
  ...source,
  type: 'test.market',
  ports: { out: Object.fromEntries(ports.map((p) => [p.name, output(p.schema)])) },
  open: async (_c, { keys }) => {
    for (const name of ['usdm:A', 'usdm:B']) keys.declare(name, 0, 2);
    return rowsReader(ports, ROWS, 8);
  },
});
/** Never answers twice the same, sometimes too late, and fails for good on one input of one instrument. */
const answering = (down = false) => {
  const calls: number[] = [];
  const type = asking(({ value, n }, { key }) => {
    calls.push(value);
    if (down && key === 'usdm:B' && n === 5) return Promise.reject(new Error('no such model'));
    return n % 4 === 0 ? new Promise<never>(() => {}) : Promise.resolve({ value: value + calls.length / 8 });
  });
  return { type, calls };
};
const refusing = asking(() => {
  throw new Error('a replay asked');
});
const pipeline = (type: AnyAsync) => {
  const nodes: BuildNode[] = [
    { id: 'src', type: market },
    { id: 'list', type: burst, in: { a: 'src.trade.px' } },
    { id: 'flat', type: flatten, in: { list: 'list.list' } },
    { id: 'ask', type, in: { a: 'flat.record.n' }, with: { after: 300 }, onError: 'quarantine' },
    { id: 'again', type, in: { a: 'ask.value' }, onError: 'quarantine' },
  ];
  return buildPipeline(nodes, 'asks');
};
const PORT_NAMES = ['list.list', 'flat.record', 'ask.value', 'again.value'];
async function replayed(lake: string, type = refusing): Promise<string> {
  const tapAll = folder();
  await runJob({
    pipeline: pipeline(type),
    inputs: [],
    readers: { src: (keys) => openLake(lake, { sources: ['src'] }, keys) },
    outcomesFrom: [lake],
    tapAll,
  });
  return tapAll;
}
const name = ({ id }: OutcomeRecord) => `${id.node} ${id.key} ${id.source}#${id.seq}`;

describe('what asynchronous nodes were told', () => {
  it('is in the lake beside what the sources delivered, and parity holds with nobody asked again', async () => {
    const { type, calls } = answering();
    const at: number[] = [];
    const report = await parity({
      pipeline: pipeline(type),
      inputs: [],
      kills: 0,
      seed: 1,
      pace: 1e6,
      allowIdle: [],
      command: [],
      onStage: () => at.push(calls.length),
    });
    expect(report).toMatchObject({ identical: true, first_difference: null });
    expect(report.rows['again.value']).toBeGreaterThan(50);
    // Stages: live, replay, comparing.
    expect(at[0]).toBe(0);
    expect(at[1]).toBeGreaterThan(50);
    expect(calls).toHaveLength(at[1]!);
  });
  it.each([
    ['with a state folder', true],
    ['without one', false],
  ])('is captured %s, errors and fallbacks included, and a replay takes the same way', async (_, durable) => {
    const { type, calls } = answering(true);
    const capture = folder();
    const tapAll = folder();
    const live = await runJob({
      pipeline: pipeline(type),
      inputs: [],
      tapAll,
      capture,
      ...(durable ? { state: folder() } : {}),
    });
    expect(live.quarantined).toMatchObject([
      { node: 'again', key: 'usdm:B', message: 'no such model' },
      { node: 'ask', key: 'usdm:B', message: 'no such model' },
    ]);
    const told = await readOutcomes(capture);
    expect(new Set(told.map((r) => r.outcome.kind))).toEqual(new Set(['value', 'fallback', 'error']));
    // What failed was asked for twice.
    expect(calls).toHaveLength(told.length + 2);
    expect(await compareTaps(tapAll, await replayed(capture), PORT_NAMES)).toBeNull();
  });
  it('is no input: a range of the lake does not hold it unless it is named', async () => {
    const capture = folder();
    await runJob({ pipeline: pipeline(answering().type), inputs: [], capture });
    const reader = await openLake(capture, {}, new KeyTable());
    expect(reader.ports.map((p) => p.name)).not.toContain('outcome');
    let inputs = 0;
    for (let b = await reader.read(); b; b = await reader.read()) inputs += b.n;
    await reader.close();
    expect(inputs).toBe(ROWS.length);
    expect((await readOutcomes(capture)).length).toBeGreaterThan(50);
  });
  it('survives a stop and a crash: what is on disk is not asked again, and a replay of all gives the same bytes', async () => {
    const { type, calls } = answering();
    const [state, capture, tapAll] = [folder(), folder(), folder()];
    const job = (more: Partial<RunJob>): RunJob => ({
      pipeline: pipeline(type),
      inputs: [],
      state,
      capture,
      tapAll,
      commitInputs: 16,
      ...more,
    });
    // Dies within a commit, after the questions and before the checkpoint; the first time before there is any.
    for (const dies of [1, 2]) {
      let commits = 0;
      const dying = () => {
        if (++commits === dies) throw new Error('killed');
      };
      await expect(runJob(job({ onCommit: dying }))).rejects.toThrow('killed');
    }
    const abort = new AbortController();
    await runJob(job({ signal: abort.signal, onProgress: ({ events }) => events >= 40 && abort.abort() }));
    await runJob(job({}));
    const told = await readOutcomes(capture);
    expect(new Set(told.map(name)).size).toBe(told.length);
    expect(calls).toHaveLength(told.length);
    expect(await compareTaps(tapAll, await replayed(capture), PORT_NAMES)).toBeNull();
  });
  it('must be in the lake that is replayed [CHM746]', async () => {
    const capture = folder();
    await runJob({ pipeline: pipeline(answering().type), inputs: [], capture });
    const other = folder();
    await runJob({ pipeline: buildPipeline([{ id: 'src', type: market }], 'asks'), inputs: [], capture: other });
    await expect(
      runJob({
        pipeline: pipeline(refusing),
        inputs: [],
        readers: { src: (keys) => openLake(capture, { sources: ['src'] }, keys) },
        outcomesFrom: [other],
      }),
    ).rejects.toMatchObject({ code: 'CHM746' });
  });
});
