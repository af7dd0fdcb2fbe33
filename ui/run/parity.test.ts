import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { type Block, type BlockReader, type Column, type Field, KeyTable } from '../../graph/schema/index.ts';
import { openLake } from '../../lake/open-lake.ts';
import { registry } from '../cli/registry.ts';
import { compareTaps } from './compare-taps.ts';
import { idleNodes } from './parity.ts';
import { portsOf, type RunReport, runJob } from './run.ts';

const pipelines = fileURLToPath(new URL('../../pipelines/', import.meta.url));
const read = (name: string) => readFileSync(join(pipelines, name), 'utf8');
/** The example graph with a profile; the synthetic market lasts as long as asked. */
function trend(profile: string, duration = '1m'): Pipeline {
  const text = read(`profiles/${profile}.yaml`).replace('duration: 1m', `duration: ${duration}`);
  const { pipeline, diagnostics } = loadPipeline(read('trend.yaml'), 'trend.yaml', registry, {
    sets: { preset: 'recording' },
    profile: { text, file: `${profile}.yaml` },
  });
  if (!pipeline) throw new Error(diagnostics[0]?.message);
  return pipeline;
}
const replay = trend('replay');
const ports = portsOf(createPlan(replay));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'chimera-parity-test-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (...names: string[]) => join(dir, ...names);

/** A run over the synthetic market with its journal, sealed into Bronze. */
const capture = (name: string, duration: string): Promise<RunReport> =>
  runJob({
    pipeline: trend('synthetic', duration),
    inputs: [],
    seed: 11,
    tapAll: at(name, 'live'),
    capture: at(name, 'lake'),
    state: at(name, 'state'),
    commitInputs: 5000,
  });

describe('the replay of a captured run', () => {
  it('gives the same bytes at every port of every node: features, rules, orders, fills, positions [FLOW.13] [S2.34]', async () => {
    const live = await capture('whole', '1m');
    for (const mode of ['generated', 'interpreted'] as const) {
      const again = await runJob({ pipeline: replay, inputs: [at('whole', 'lake')], tapAll: at('whole', mode), mode });
      expect(await compareTaps(at('whole', 'live'), at('whole', mode), ports)).toBeNull();
      expect(again.events_in).toBe(live.events_in);
      expect(Object.fromEntries(Object.entries(again.taps).map(([p, t]) => [p, t.sha256]))).toEqual(
        Object.fromEntries(Object.entries(live.taps).map(([p, t]) => [p, t.sha256])),
      );
      const rows = Object.fromEntries(Object.entries(again.taps).map(([p, t]) => [p, t.rows]));
      expect(idleNodes(createPlan(replay), rows)).toEqual([]);
      for (const port of ['fast.value', 'rules.verdict', 'orders.order', 'venue.report', 'positions.position'])
        expect(rows[port]).toBeGreaterThan(0);
    }
  });

  it('with one field of one event flipped differs first exactly there: 200 of 200', async () => {
    await capture('short', '3s');
    const keys = new KeyTable();
    const reader = await openLake(at('short', 'lake'), {}, keys);
    const blocks: Block[] = [];
    for (let b = await reader.read(); b; b = await reader.read()) blocks.push(structuredClone(b));
    await reader.close();
    const play = async (name: string, list: Block[]) => {
      await runJob({
        pipeline: replay,
        inputs: [],
        tapAll: at('short', name),
        readers: { market: async (table) => fromBlocks(reader.ports, list, keys, table) },
      });
      return compareTaps(at('short', 'live'), at('short', name), ports);
    };
    expect(await play('same', blocks)).toBeNull();

    const random = seedRandom(23);
    const hit = new Set<string>();
    let named = 0;
    for (let i = 0; i < 200; ) {
      const b = Math.floor(nextFloat(random) * blocks.length);
      const row = Math.floor(nextFloat(random) * blocks[b]!.n);
      const flipped = structuredClone(blocks[b]!);
      const flip = flipOne(flipped, row, reader.ports, () => nextFloat(random));
      if (!flip) continue;
      i++;
      hit.add(`${flip.port}.${flip.field}`);
      const difference = await play('flipped', blocks.with(b, flipped));
      const { node, port, source, seq, field } = difference!;
      if (node === 'market' && port === flip.port && field === flip.field && seq === flip.seq && source === 'market')
        named++;
      else expect(difference).toMatchObject({ node: 'market', ...flip });
    }
    expect(named).toBe(200);
    // Prices, sizes, ids, times, sides and lists of levels have all been among them.
    expect(hit.size).toBeGreaterThan(15);
  });
});

/** Changes one field of one input: the smallest change that its kind allows. Nothing for an empty list. */
function flipOne(
  block: Block,
  i: number,
  readerPorts: BlockReader['ports'],
  random: () => number,
): { port: string; seq: number; field: string } | undefined {
  const { name, schema } = readerPorts[block.port[i]!]!;
  const fields = Object.entries<Field>(schema.fields);
  const f = Math.floor(random() * fields.length);
  const [field, kind] = fields[f]!;
  const column: Column = block.ports[block.port[i]!]!.columns[f]!;
  const row = block.row[i]!;
  if (Array.isArray(column)) column[row] += '~';
  else if (column instanceof Float64Array) column[row] = flipNumber(column[row]!, kind);
  else {
    const [from, to] = [column.offsets[row]!, column.offsets[row + 1]!];
    if (from === to) return undefined;
    const j = from + Math.floor(random() * (to - from));
    column.values[j] = column.values[j]! + 1;
  }
  return { port: name, seq: block.seq0 + i, field };
}
function flipNumber(v: number, f: Field): number {
  if (f.kind === 'bool') return 1 - v;
  if (f.kind === 'oneOf') return (v + 1) % f.values.length;
  if (Number.isNaN(v)) return 1;
  return f.kind === 'f64' ? nextDouble(v) : v + 1;
}
/** The neighbouring double: one bit, the last one. */
function nextDouble(v: number): number {
  const bits = new BigInt64Array(Float64Array.of(v).buffer);
  bits[0] = bits[0]! ^ 1n;
  return new Float64Array(bits.buffer)[0]!;
}

function fromBlocks(
  readerPorts: BlockReader['ports'],
  blocks: readonly Block[],
  keys: KeyTable,
  table: KeyTable,
): BlockReader {
  for (const k of keys.list) table.declare(k.name, k.pxDigits, k.qtyDigits);
  let next = 0;
  return {
    ports: readerPorts,
    read: async () => blocks[next++] ?? null,
    seek: async (seq) => {
      next = blocks.findIndex((b) => b.seq0 > seq);
    },
    close: async () => {},
  };
}
