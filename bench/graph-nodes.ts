import { parseArgs } from 'node:util';
import { map } from 'rxjs';
import { z } from 'zod';
import { Engine } from '../graph/engine/engine.ts';
import { type AnyNode, defineNode, defineRxNode, defineSource, input, output } from '../graph/node.ts';
import { createPlan } from '../graph/plan/plan.ts';
import { rowsReader, toBlock } from '../graph/runner/rows-reader.ts';
import { KeyTable, Scalar } from '../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../graph/testing/build.ts';
import { inChild, isMain } from './child.ts';
import { type Figure, figure } from './stats.ts';

const CHAIN = 32;
const KEYS = 20;
const ROWS = 1024;
const PORTS = [{ name: 'x', schema: Scalar }];
const none = z.strictObject({});

const source = defineSource({
  type: 'bench.source',
  version: 1,
  tier: 'bronze',
  summary: 'rows',
  config: none,
  ports: { out: { x: output(Scalar) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});

/** Node types with a function of their own each, as different operators have: one shared function would flatter the engine. */
const types: AnyNode[] = Array.from({ length: CHAIN }, (_, i) =>
  defineNode({
    type: `bench.n${i}`,
    version: 1,
    tier: 'silver',
    summary: 'exponential average',
    config: none,
    ports: { in: { x: input(Scalar), y: input(Scalar, { optional: true }) }, out: { value: output(Scalar) } },
    determinism: 'pure',
    state: () => ({ n: 0, s: 0 }),
    step: new Function(
      's',
      'tick',
      'c',
      'emit',
      `s.n++; s.s += ${0.3 + i / 100} * (tick.x.value + (tick.y.seen ? tick.y.value : 0) - s.s); emit.value({ value: s.s });`,
    ) as never,
  }),
);
const rx = defineRxNode({
  type: 'bench.rx',
  version: 1,
  tier: 'silver',
  summary: 'one map',
  config: none,
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  rx: (ticks$) => ({ out$: ticks$.pipe(map((t) => ({ value: { value: t.x.value + 1 } }))), stateless: true }),
});

const chain = (type: (i: number) => AnyNode, length = CHAIN): BuildNode[] => [
  { id: 'src', type: source },
  ...Array.from({ length }, (_, i) => ({
    id: `n${i}`,
    type: type(i),
    in: { x: i === 0 ? 'src.x' : `n${i - 1}.value` },
  })),
];
/** `depth` diamonds in a row: two nodes side by side, joined by a third. */
function diamonds(depth: number): BuildNode[] {
  const nodes: BuildNode[] = [
    { id: 'src', type: source },
    { id: 'd0', type: types[0]!, in: { x: 'src.x' } },
  ];
  for (let d = 1; d <= depth; d++) {
    const t = (i: number) => types[(3 * d + i) % CHAIN]!;
    nodes.push(
      { id: `l${d}`, type: t(0), in: { x: `d${d - 1}.value` } },
      { id: `r${d}`, type: t(1), in: { x: `d${d - 1}.value` } },
    );
    nodes.push({ id: `d${d}`, type: t(2), in: { x: `l${d}.value`, y: `r${d}.value` } });
  }
  return nodes;
}

/** Engines that run before the first one counts: the compiler takes that long to settle. */
const WARM_UP = 4;

/** ns per node and cycle, with state, order and taps on, over 20 keys. */
function measure(nodes: BuildNode[], mode: 'generated' | 'interpreted', repeats: number): number[] {
  const figures: number[] = [];
  for (let r = -WARM_UP; r < repeats; r++) {
    const keys = new KeyTable();
    for (let k = 0; k < KEYS; k++) keys.declare(`usdm:K${String(k).padStart(2, '0')}`);
    const engine = new Engine(createPlan(buildPipeline(nodes)), keys, { mode, taps: '*' });
    const rows = Array.from({ length: ROWS }, (_, i) => ({
      t: i,
      port: 'x',
      key: i % KEYS,
      values: { value: Math.sin(i) },
    }));
    const block = toBlock(PORTS, rows);
    const run = (blocks: number) => {
      for (let b = 0; b < blocks; b++) {
        for (let i = 0; i < ROWS; i++) block.t[i] = engine.now + 1;
        block.seq0 += ROWS;
        engine.run(0, block, 0);
        for (const t of engine.taps) t.truncate(0);
      }
    };
    run(60);
    const blocks = 120;
    const before = process.cpuUsage();
    run(blocks);
    const used = process.cpuUsage(before);
    if (r >= 0) figures.push(((used.user + used.system) * 1000) / (blocks * ROWS * (nodes.length - 1)));
  }
  return figures;
}

const step = (i: number): AnyNode => types[i]!;
const PARTS: readonly {
  name: string;
  nodes: () => BuildNode[];
  mode: 'generated' | 'interpreted';
  goal?: Figure['goal'];
}[] = [
  {
    name: `step node, generated plan (chain of ${CHAIN} types, ${KEYS} keys, taps on)`,
    nodes: () => chain(step),
    mode: 'generated',
    goal: { at_most: 25 },
  },
  { name: 'step node, interpreted plan', nodes: () => chain(step), mode: 'interpreted', goal: { at_most: 60 } },
  { name: 'rx node with one map', nodes: () => chain(() => rx), mode: 'generated', goal: { at_most: 120 } },
  { name: 'diamond, depth 1', nodes: () => diamonds(1), mode: 'generated' },
  { name: 'diamond, depth 10', nodes: () => diamonds(10), mode: 'generated' },
];

/** Each part in a process of its own, so that none is compiled for the others' types. */
export function benchGraphNodes(repeats = 5, node?: string): Figure[] {
  return PARTS.map((part, i) =>
    figure(
      part.name,
      'ns/node-cycle',
      inChild<number[]>(import.meta.url, ['--part', String(i), '--repeats', String(repeats)], node ? { node } : {}),
      part.goal,
    ),
  );
}

if (isMain(import.meta.url)) {
  const { values: v } = parseArgs({ options: { part: { type: 'string' }, repeats: { type: 'string', default: '5' } } });
  const part = v.part === undefined ? undefined : PARTS[Number(v.part)]!;
  const result = part ? measure(part.nodes(), part.mode, Number(v.repeats)) : benchGraphNodes(Number(v.repeats));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
