import {
  BLOCK_ROWS,
  type Block,
  type BlockReader,
  type Column,
  type KeyTable,
  MARKET_PORTS,
  type PortColumns,
} from '../graph/schema/index.ts';

export interface SyntheticOptions {
  n: number;
  seed?: number;
  /** Names of keys already declared. */
  keys?: readonly string[];
  /** Ports to use with their weights; default: a market's mix. */
  weights?: Readonly<Record<string, number>>;
  /** First t_avail and mean step, µs. */
  startUs?: number;
  stepUs?: number;
  blockRows?: number;
  levels?: number;
}

/** All market ports, numbered as every market source numbers them. */
export const marketPorts = (): BlockReader['ports'] =>
  Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema }));

/**
 * Random but valid market blocks from a seed, for tests and benchmarks of the lake: every kind of field, nullable ones
 * with and without value, lists of any length, texts. Not a market: the venue has that.
 */
export function syntheticBlocks(table: KeyTable, options: SyntheticOptions): BlockReader & { readonly total: number } {
  const o = { seed: 1, startUs: 1_723_161_255_000_000, stepUs: 3_000, blockRows: BLOCK_ROWS, levels: 8, ...options };
  const ports = marketPorts();
  const keys = (o.keys ?? table.list.map((k) => k.name)).map((k) => table.find(k)!.index);
  const weights = Object.entries(o.weights ?? { trade: 20, book_ticker: 60, depth: 15, mark_price: 3, kline: 2 });
  const sum = weights.reduce((a, [, w]) => a + w, 0);
  let state = o.seed >>> 0 || 1;
  const random = (): number => {
    // xorshift32: small, seedable, good enough for test data.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
  const pick = (): number => {
    let x = random() * sum;
    for (const [name, w] of weights) {
      x -= w;
      if (x < 0) return ports.findIndex((p) => p.name === name);
    }
    return ports.findIndex((p) => p.name === weights[0]![0]);
  };
  let seq = 0;
  let t = o.startUs;
  let px = 6_000_000;
  return {
    ports,
    total: o.n,
    async read(): Promise<Block | null> {
      const n = Math.min(o.blockRows, o.n - seq);
      if (n <= 0) return null;
      const block: Block = {
        n,
        seq0: seq,
        t: new Float64Array(n),
        port: new Uint8Array(n),
        key: new Int32Array(n),
        row: new Int32Array(n),
        ports: ports.map((p): PortColumns => ({ n: 0, columns: emptyColumns(p.schema.fields, n) })),
      };
      for (let i = 0; i < n; i++) {
        t += Math.floor(random() * 2 * o.stepUs);
        px += Math.floor(random() * 11) - 5;
        const p = pick();
        const to = block.ports[p]!;
        block.t[i] = t;
        block.port[i] = p;
        block.key[i] = keys[Math.floor(random() * keys.length)]!;
        block.row[i] = to.n;
        fill(to, Object.values(ports[p]!.schema.fields), { px, t, seq: seq + i, random, levels: o.levels });
        to.n++;
      }
      seq += n;
      return block;
    },
    async close() {},
  };
}

type Fields = (typeof MARKET_PORTS)[keyof typeof MARKET_PORTS]['fields'];
type AnyField = Fields[keyof Fields] | { kind: string; nullable?: boolean; values?: readonly string[] };

function emptyColumns(fields: object, n: number): Column[] {
  return (Object.values(fields) as AnyField[]).map((f) =>
    f.kind === 'list'
      ? { values: new Float64Array(0), offsets: new Int32Array(n + 1) }
      : f.kind === 'text'
        ? []
        : new Float64Array(n),
  );
}
interface Draw {
  px: number;
  t: number;
  seq: number;
  random: () => number;
  levels: number;
}
function fill(to: PortColumns, fields: readonly AnyField[], d: Draw): void {
  const row = to.n;
  fields.forEach((f, c) => {
    const column = to.columns[c]!;
    if (Array.isArray(column))
      column[row] = d.random() < 0.5 ? '1m' : `text “${Math.floor(d.random() * 1000)}” of some length`;
    else if (column instanceof Float64Array) column[row] = numberFor(f, d);
    else {
      const n = Math.floor(d.random() * d.levels);
      const start = column.offsets[row]!;
      if (start + n > column.values.length) {
        const grown = new Float64Array((start + n) * 2);
        grown.set(column.values);
        column.values = grown;
      }
      for (let i = 0; i < n; i++) column.values[start + i] = Math.floor(d.random() * 1_000_000);
      column.offsets[row + 1] = start + n;
    }
  });
}
function numberFor(f: AnyField, d: Draw): number {
  if ('nullable' in f && f.nullable && d.random() < 0.3) return Number.NaN;
  switch (f.kind) {
    case 'px':
      return d.px;
    case 'ms':
      return Math.floor(d.t / 1000);
    case 'us':
      return d.t;
    case 'int':
      return 1_000_000_000 + d.seq;
    case 'bool':
      return d.random() < 0.5 ? 1 : 0;
    case 'oneOf':
      return Math.floor(d.random() * ((f as { values?: readonly string[] }).values?.length ?? 1));
    case 'f64':
      return d.random() * 2 - 1;
    default:
      return Math.floor(d.random() * 1_000_000);
  }
}
