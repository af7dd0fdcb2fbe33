import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { map, Subject, share, zip } from 'rxjs';
import { z } from 'zod';
import { Engine } from '../../graph/engine/engine.ts';
import { type AnyNode, defineNode, defineRxNode, defineSource, input, output } from '../../graph/node.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { rowsReader, toBlock } from '../../graph/runner/rows-reader.ts';
import { KeyTable, Scalar } from '../../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../../graph/testing/build.ts';
import { isMain, startCost } from '../child.ts';

/**
 * W0, the graph alone, as w0_csp.py does it in csp: the same operations over the same doubles, added up behind the last node.
 * usage: w0-run.js step|interpreted|rx|rxjs --kind chain|diamond [--nodes 33] [--ticks 400000]; one JSON object.
 * `ns_per_node_cycle` is the slope: the cost of the graph less that of the same graph without the nodes.
 */
const ROWS = 1024;
const PORTS = [{ name: 'x', schema: Scalar }];
const none = z.strictObject({});
type Kind = 'chain' | 'diamond';

/** The body of node `i`, eight operations in turn. A function of its own per node, as different operators have. */
const OPERATIONS: readonly ((i: number) => string)[] = [
  (i) => `x + ${0.1 * (i + 1)}`,
  () => 'x * 0.99',
  () => '-x',
  () => 'Math.max(x, -1e6)',
  () => 'x - 0.3',
  () => 'Math.min(x, 1e6)',
  () => 'Math.abs(x)',
  () => 'x / 1.01',
];
const operation = (i: number): string => OPERATIONS[i % 8]!(i);
const DIAMOND = ['x * 0.45', 'x * 0.5'];

/** The same doubles everywhere: sines differ in the last bit from library to library. */
const tickValue = (i: number): number => ((i * 7919) % 1000) / 1000 - 0.5;

const source = defineSource({
  type: 'bench.source',
  version: 1,
  tier: 'bronze',
  summary: 'rows',
  config: none,
  ports: { out: { x: output(Scalar, { key: 'none' }) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});
const about = (name: string) =>
  ({ type: `bench.${name}`, version: 1, tier: 'silver', summary: name, config: none }) as const;
const unary = (i: number, body: string): AnyNode =>
  defineNode({
    ...about(`n${i}`),
    ports: { in: { x: input(Scalar, { key: 'none' }) }, out: { value: output(Scalar) } },
    determinism: 'pure',
    state: () => ({}),
    step: new Function('s', 'tick', 'c', 'emit', `const x = tick.x.value; emit.value({ value: ${body} });`) as never,
  });
const unaryRx = (i: number, body: string): AnyNode => {
  const f = new Function('x', `return ${body};`) as (x: number) => number;
  return defineRxNode({
    ...about(`n${i}`),
    ports: { in: { x: input(Scalar, { key: 'none' }) }, out: { value: output(Scalar) } },
    determinism: 'pure',
    rx: (ticks$) => ({ out$: ticks$.pipe(map((t) => ({ value: { value: f(t.x.value) } }))), stateless: true }),
  });
};
const join = (i: number): AnyNode =>
  defineNode({
    ...about(`join${i}`),
    ports: {
      in: { x: input(Scalar, { key: 'none' }), y: input(Scalar, { key: 'none' }) },
      out: { value: output(Scalar) },
    },
    determinism: 'pure',
    state: () => ({}),
    step: new Function('s', 'tick', 'c', 'emit', 'emit.value({ value: tick.x.value + tick.y.value });') as never,
  });
interface Sum {
  sum: number;
}
const sum = defineNode({
  ...about('sum'),
  ports: { in: { x: input(Scalar, { key: 'none' }) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  state: (): Sum => ({ sum: 0 }),
  step(s, tick) {
    s.sum += tick.x.value;
  },
});

function graph(kind: Kind, nodes: number, type: (i: number, body: string) => AnyNode): BuildNode[] {
  const out: BuildNode[] = [{ id: 'src', type: source }];
  let last = 'src.x';
  const add = (id: string, node: AnyNode, ins: Record<string, string>) => {
    out.push({ id, type: node, in: ins, key: 'none' });
    return `${id}.value`;
  };
  if (kind === 'chain') for (let i = 0; i < nodes; i++) last = add(`n${i}`, type(i, operation(i)), { x: last });
  else
    for (let d = 0; d < nodes / 3; d++) {
      const [x, y] = DIAMOND.map((body, i) => add(`d${d}s${i}`, type(2 * d + i, body), { x: last })) as [
        string,
        string,
      ];
      last = add(`j${d}`, join(d), { x, y });
    }
  add('sum', sum, { x: last });
  return out;
}

/** @returns CPU seconds and the sum, over a graph in the engine */
function inEngine(nodes: readonly BuildNode[], mode: 'generated' | 'interpreted', ticks: number) {
  const engine = new Engine(createPlan(buildPipeline([...nodes])), new KeyTable(), { mode });
  const block = toBlock(
    PORTS,
    Array.from({ length: ROWS }, (_, i) => ({ t: i, port: 'x', key: -1, values: { value: 0 } })),
  );
  const values = block.ports[0]!.columns[0] as Float64Array;
  const run = (from: number, to: number) => {
    for (let i = from; i < to; i += ROWS) {
      const n = Math.min(ROWS, to - i);
      block.n = n;
      block.seq0 = i;
      for (let j = 0; j < n; j++) {
        values[j] = tickValue(i + j);
        block.t[j] = i + j + 1;
      }
      engine.run(0, block, 0);
    }
  };
  const state = engine.core.single.at(-1)!.state as Sum;
  const stop = startCost();
  run(0, ticks);
  return { ...stop(), sum: state.sum };
}

/** The same in RxJS alone; at a join `zip`, because `combineLatest` emits twice for one input, and 2^depth times behind a row of them. */
function inRxjs(kind: Kind, nodes: number, ticks: number) {
  const input$ = new Subject<number>();
  let last$ = input$.asObservable();
  const body = (text: string) => map(new Function('x', `return ${text};`) as (x: number) => number);
  if (kind === 'chain') for (let i = 0; i < nodes; i++) last$ = last$.pipe(body(operation(i)));
  else
    for (let d = 0; d < nodes / 3; d++) {
      const shared$ = last$.pipe(share());
      last$ = zip(DIAMOND.map((text) => shared$.pipe(body(text)))).pipe(map(([a, b]) => a! + b!));
    }
  let total = 0;
  last$.subscribe((x) => {
    total += x;
  });
  const stop = startCost();
  for (let i = 0; i < ticks; i++) input$.next(tickValue(i));
  return { ...stop(), sum: total };
}

function measure(way: string, kind: Kind, nodes: number, ticks: number) {
  if (way === 'rxjs') return inRxjs(kind, nodes, ticks);
  const mode = way === 'interpreted' ? 'interpreted' : 'generated';
  return inEngine(graph(kind, nodes, way === 'rx' ? unaryRx : unary), mode, ticks);
}

const packageVersion = (name: string): string =>
  (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

if (isMain(import.meta.url)) {
  const { values: v, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kind: { type: 'string', default: 'chain' },
      nodes: { type: 'string', default: '33' },
      ticks: { type: 'string', default: '400000' },
      warm: { type: 'string', default: '3' },
    },
  });
  const [way = 'step'] = positionals;
  const [nodes, ticks] = [Number(v.nodes), Number(v.ticks)];
  const kind = v.kind as Kind;
  // Compiled code settles first, as csp's is compiled before.
  for (let i = 0; i < Number(v.warm); i++) {
    measure(way, kind, 0, ticks / 8);
    measure(way, kind, nodes, ticks / 8);
  }
  const empty = measure(way, kind, 0, ticks);
  const full = measure(way, kind, nodes, ticks);
  const ns = (s: number) => (s * 1e9) / (nodes * ticks);
  process.stdout.write(
    `${JSON.stringify({
      ...(way === 'rxjs' ? { version: packageVersion('rxjs') } : {}),
      rows: nodes * ticks,
      result: [full.sum],
      cpu_s: full.cpu_s,
      wall_s: full.wall_s,
      ns_per_node_cycle: ns(full.cpu_s - empty.cpu_s),
      ns_with_source: ns(full.cpu_s),
    })}\n`,
  );
}
