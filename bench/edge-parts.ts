import { z } from 'zod';
import type { Bus } from '../graph/bus/bus.ts';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { type Cut, cutGraph } from '../graph/cut/cut.ts';
import { runPart } from '../graph/cut/part-run.ts';
import { defineNode, defineSource, input, output } from '../graph/node.ts';
import { createPlan } from '../graph/plan/plan.ts';
import {
  BLOCK_ROWS,
  type Block,
  type BlockReader,
  bool,
  int,
  KeyTable,
  ms,
  oneOf,
  px,
  qty,
  record,
  Scalar,
} from '../graph/schema/index.ts';
import { buildPipeline } from '../graph/testing/build.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { isMain, startCost } from './child.ts';
import { readPipeline } from './pipeline.ts';
import { keepBlocks, RepeatReader } from './repeat.ts';

/** One half of a cut edge, run in a process of its own: the parent says when to begin and takes what came of it. */
export const SCRIPT = import.meta.url;
export interface Half {
  readonly edge: 'trades' | 'trend';
  readonly half: 'from' | 'to';
  readonly url: string;
  readonly data: string;
}
export interface Round {
  readonly prefix: string;
  readonly events: number;
  /** Events a second at most; 0 = as fast as it goes. */
  readonly rate: number;
}
export interface HalfResult {
  /** When the half began and ended, µs of the machine's monotonic clock. */
  readonly startUs: number;
  readonly endUs: number;
  readonly cpu_s: number;
  readonly rss_mb: number;
  readonly cycles: number;
  readonly commits: number;
  readonly restarts: number;
  /** Records seen by the last node, and a sum over them: the same on every way. */
  readonly seen: number;
  readonly sum: number;
}

const INSTRUMENTS = 4;
const Print = record('bench_trade', 1, {
  id: int(),
  px: px(),
  qty: qty(),
  side: oneOf('buy', 'sell'),
  time_ms: ms(),
  event_ms: ms({ nullable: true }),
  on_market: bool(),
});
const none = z.strictObject({});
const tape = defineSource({
  type: 'bench.tape',
  version: 1,
  tier: 'bronze',
  summary: 'trades',
  config: none,
  ports: { out: { trade: output(Print, { key: 'instrument' }) } },
  determinism: 'pure',
  open: async () => new Tape(0),
});
const flow = defineNode({
  type: 'bench.flow',
  version: 1,
  tier: 'silver',
  summary: 'signed flow, exponentially averaged',
  config: none,
  ports: { in: { trade: input(Print) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  state: () => ({ s: 0 }),
  step(s, tick, _c, emit) {
    const { px, qty, side } = tick.trade;
    s.s += 0.01 * ((side === 'buy' ? px * qty : -px * qty) - s.s);
    emit.value({ value: s.s });
  },
});
const tally = { seen: 0, sum: 0 };
const count = defineNode({
  type: 'bench.count',
  version: 1,
  tier: 'silver',
  summary: 'what arrived',
  config: none,
  ports: { in: { value: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  state: () => ({}),
  step(_s, tick, _c, emit) {
    tally.seen++;
    tally.sum += tick.value.value;
    if (tally.seen < 0) emit.value({ value: 0 });
  },
});

/** Trades of a few instruments, one every 25 µs of engine time, out of one block that is moved on. */
class Tape implements BlockReader {
  readonly ports = [{ name: 'trade', schema: Print }];
  readonly #events: number;
  readonly #rate: number;
  readonly #block: Block;
  #n = 0;
  #startMs = 0;
  constructor(events: number, rate = 0) {
    this.#events = events;
    this.#rate = rate;
    const f = () => new Float64Array(BLOCK_ROWS);
    const columns = Array.from({ length: 7 }, f);
    for (let i = 0; i < BLOCK_ROWS; i++) {
      columns[1]![i] = 587_123 + ((i * 7919) % 41);
      columns[2]![i] = 1 + ((i * 104_729) % 3000);
      columns[3]![i] = (i * 31) % 2;
      columns[6]![i] = 1;
    }
    this.#block = {
      n: 0,
      seq0: 0,
      t: f(),
      port: new Uint8Array(BLOCK_ROWS),
      key: Int32Array.from({ length: BLOCK_ROWS }, (_, i) => (i * 13) % INSTRUMENTS),
      row: Int32Array.from({ length: BLOCK_ROWS }, (_, i) => i),
      ports: [{ n: BLOCK_ROWS, columns }],
    };
  }
  async read(): Promise<Block | null> {
    const b = this.#block;
    const n = Math.min(this.#rate === 0 ? BLOCK_ROWS : Math.ceil(this.#rate / 200), BLOCK_ROWS, this.#events - this.#n);
    if (n <= 0) return null;
    if (this.#rate > 0) await this.#keepRate();
    const [id, , , , time, event] = b.ports[0]!.columns as Float64Array[];
    b.n = n;
    b.seq0 = this.#n;
    b.ports[0]!.n = n;
    for (let i = 0; i < n; i++) {
      const k = this.#n + i;
      b.t[i] = 1_723_075_200_000_000 + 25 * k;
      id![i] = 4_100_200_300 + k;
      time![i] = 1_723_075_200_000 + Math.floor(k / 40);
      event![i] = time![i]! + 2;
    }
    this.#n += n;
    return { ...b };
  }
  async #keepRate(): Promise<void> {
    this.#startMs ||= performance.now();
    const dueMs = this.#startMs + (this.#n * 1000) / this.#rate;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
  }
  async seek(seq: number): Promise<void> {
    this.#n = seq + 1;
  }
  async close(): Promise<void> {}
}

interface Edge {
  readonly cut: Cut;
  readonly from: string;
  readonly to: string;
  reader(keys: KeyTable, round: Round): Promise<BlockReader>;
}
function tradesEdge(): Edge {
  const pipeline = buildPipeline(
    [
      { id: 'src', type: tape },
      { id: 'flow', type: flow, in: { trade: 'src.trade' } },
      { id: 'count', type: count, in: { value: 'flow.value' } },
    ],
    'bench',
  );
  const cut = cutGraph(createPlan({ ...pipeline, services: { s1: ['src'], s2: ['flow', 'count'] } }));
  const reader = async (keys: KeyTable, { events, rate }: Round): Promise<BlockReader> => {
    for (let i = 0; i < INSTRUMENTS; i++) keys.declare(`usdm:K${i}`, 2, 3);
    return new Tape(events, rate);
  };
  return { cut, from: 's1.0', to: 's2.1', reader };
}
/** The market's recording, several times, and all features of the trend pipeline behind it. */
async function trendEdge(recording: string): Promise<Edge> {
  const pipeline = readPipeline('pipelines/trend.yaml', { preset: 'recording', symbols: '[BTCUSDT]' });
  const cut = cutGraph(createPlan(pipeline));
  const known = new KeyTable();
  const streams = ['trade', 'book_ticker', 'depth', 'depth_snapshot', 'mark_price', 'funding_rate'] as const;
  const opened = await openInputs([recording], known, { streams: [...streams] });
  const blocks = await keepBlocks(opened);
  await opened.close();
  const reader = async (keys: KeyTable, { events }: Round): Promise<BlockReader> => {
    for (const k of known.list) keys.declare(k.name, k.pxDigits, k.qtyDigits);
    const { eventsOfRound } = new RepeatReader(opened.ports, blocks, 1, { alignUs: 5_000_000 });
    const times = Math.max(1, Math.round(events / eventsOfRound));
    return new RepeatReader(opened.ports, blocks, times, { alignUs: 5_000_000 });
  };
  return { cut, from: 's1.0', to: 's2.1', reader };
}
export const edgeOf = (half: Pick<Half, 'edge' | 'data'>): Edge | Promise<Edge> =>
  half.edge === 'trades' ? tradesEdge() : trendEdge(half.data);

const nowUs = (): number => Number(process.hrtime.bigint()) / 1000;

async function runHalf(edge: Edge, { half }: Half, round: Round, bus: Bus): Promise<HalfResult> {
  const part = edge.cut.parts.find((p) => p.id === edge[half])!;
  const source = edge.cut.plan.nodes.find((n) => n.node.type.kind === 'source')!.id;
  tally.seen = 0;
  tally.sum = 0;
  const stop = startCost();
  let startUs = 0;
  const r = await runPart({
    cut: edge.cut,
    part,
    bus,
    naming: { prefix: round.prefix, pipeline: 'bench' },
    holder: 'bench',
    readers: {
      [source]: async (keys) => {
        const reader = await edge.reader(keys, round);
        startUs = nowUs();
        return reader;
      },
    },
  });
  return {
    startUs,
    endUs: nowUs(),
    cpu_s: stop().cpu_s,
    rss_mb: process.memoryUsage().rss / 2 ** 20,
    cycles: r.cycles,
    commits: r.commits,
    restarts: r.restarts,
    ...tally,
  };
}

if (isMain(import.meta.url)) {
  const half = JSON.parse(process.argv[2]!) as Half;
  const edge = await edgeOf(half);
  const bus = await openRedisBus(half.url);
  process.on('message', (round: Round | 'end') => {
    if (round === 'end') void bus.close().then(() => process.exit(0));
    else
      runHalf(edge, half, round, bus).then(
        (r) => process.send!(r),
        (e: unknown) => {
          process.stderr.write(`${String(e)}\n`);
          process.exit(1);
        },
      );
  });
  process.send!('ready');
}
