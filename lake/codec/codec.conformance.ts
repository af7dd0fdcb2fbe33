import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  bool,
  f64,
  int,
  KeyTable,
  list,
  MARKET_PORTS,
  money,
  oneOf,
  px,
  qty,
  quote,
  record,
  text,
  us,
} from '../../graph/schema/index.ts';
import { marketPorts, syntheticBlocks } from '../synthetic-blocks.ts';
import type { Codec, PortTable } from './codec.ts';

/** A table of `n` rows of one market port, from a seed. */
export async function marketTable(port: keyof typeof MARKET_PORTS, n: number, seed = 1): Promise<PortTable> {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 2, 3);
  const source = syntheticBlocks(keys, { n, seed, weights: { [port]: 1 }, blockRows: Math.max(n, 1) });
  const block = await source.read();
  const p = marketPorts().findIndex((x) => x.name === port);
  return {
    schema: MARKET_PORTS[port],
    key: 'usdm:BTCUSDT',
    source: 'market',
    pxDigits: 2,
    qtyDigits: 3,
    n,
    seq: Float64Array.from({ length: n }, (_, i) => i),
    t: block ? block.t : new Float64Array(0),
    columns: block ? block.ports[p]!.columns : marketPorts()[p]!.schema.fields ? emptyLike(port) : [],
  };
}
const emptyLike = (port: keyof typeof MARKET_PORTS): PortTable['columns'] =>
  Object.values(MARKET_PORTS[port].fields).map((f) =>
    f.kind === 'list'
      ? { values: new Float64Array(0), offsets: new Int32Array(1) }
      : f.kind === 'text'
        ? []
        : new Float64Array(0),
  );

/** Comparable form: list columns by row, numbers by their bits. */
export function plain(t: PortTable): unknown {
  const numbers = (a: Float64Array): string[] =>
    Array.from(a.subarray(0, t.n), (x) => (Object.is(x, -0) ? '-0' : String(x)));
  return {
    schema: [t.schema.name, t.schema.version, Object.keys(t.schema.fields)],
    key: t.key,
    source: t.source,
    digits: [t.pxDigits, t.qtyDigits],
    n: t.n,
    seq: numbers(t.seq),
    t: numbers(t.t),
    columns: t.columns.map((c) =>
      c instanceof Float64Array
        ? numbers(c)
        : Array.isArray(c)
          ? c.slice(0, t.n)
          : Array.from({ length: t.n }, (_, i) => Array.from(c.values.subarray(c.offsets[i]!, c.offsets[i + 1]!))),
    ),
  };
}

/** What every codec must do; imported by each codec's test. */
export function codecConformance(codec: Codec): void {
  const dir = mkdtempSync(join(tmpdir(), `codec-${codec.name}-`));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const file = (name: string): string => join(dir, `${name}${codec.extension}`);

  describe(`codec ${codec.name}`, () => {
    for (const port of Object.keys(MARKET_PORTS) as (keyof typeof MARKET_PORTS)[])
      it(`gives ${port} back bit for bit`, async () => {
        const table = await marketTable(port, 300);
        await codec.write(file(port), table);
        expect(plain(await codec.read(file(port)))).toEqual(plain(table));
      });
    it('holds more rows than a batch, and none', async () => {
      for (const n of [0, 1, 5000]) {
        const table = await marketTable('depth', n, 9);
        await codec.write(file(`n${n}`), table);
        expect(plain(await codec.read(file(`n${n}`)))).toEqual(plain(table));
      }
    });
    it('keeps the extremes: 15 digits, negative amounts, tiny and huge doubles, empty and Unicode text', async () => {
      const schema = record('extremes', 3, {
        a: px({ nullable: true }),
        b: qty(),
        c: quote(),
        d: money(),
        e: f64({ nullable: true }),
        f: int(),
        g: us(),
        h: text(),
        i: bool(),
        j: oneOf('x', 'y z', 'ü'),
        k: list('money'),
        l: list('f64'),
      });
      const table: PortTable = {
        schema,
        key: 'spot:币安人生USDT',
        source: "it's",
        pxDigits: 8,
        qtyDigits: 1,
        n: 3,
        seq: Float64Array.of(0, 7, 2 ** 52),
        t: Float64Array.of(1, 1_700_000_000_000_001, 4_000_000_000_000_000),
        columns: [
          Float64Array.of(Number.NaN, 123_456_789_012_345, 1),
          Float64Array.of(-999_999_999_999_999, 0, 10),
          Float64Array.of(999_999_999_999_999, -1, 3),
          Float64Array.of(-99_999_999_999, 1, 0),
          Float64Array.of(5e-324, 1.7976931348623157e308, Number.NaN),
          Float64Array.of(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -5),
          Float64Array.of(0, 1, 9e15),
          ['', 'with "quotes", \'these\' and\nlines', '漢字 😀 ÿ'],
          Float64Array.of(0, 1, 1),
          Float64Array.of(0, 1, 2),
          { values: Float64Array.of(1, -2, 3), offsets: Int32Array.of(0, 0, 2, 3) },
          { values: Float64Array.of(0.1, -1e-300), offsets: Int32Array.of(0, 1, 1, 2) },
        ],
      };
      await codec.write(file('extremes'), table);
      expect(plain(await codec.read(file('extremes')))).toEqual(plain(table));
    });
    it('writes the same bytes again', async () => {
      const table = await marketTable('trade', 3000, 5);
      await codec.write(file('one'), table);
      await codec.write(file('two'), table);
      expect(readFileSync(file('one')).equals(readFileSync(file('two')))).toBe(true);
    });
    it('refuses what it could not give back, and leaves no file', async () => {
      const table = await marketTable('trade', 3);
      (table.columns[1] as Float64Array)[1] = 0.5;
      await expect(codec.write(file('bad'), table)).rejects.toMatchObject({ code: 'CHM607' });
      expect(() => statSync(file('bad'))).toThrow();
      expect(() => statSync(`${file('bad')}.tmp`)).toThrow();
    });
    it('answers a cut file, an empty one and a missing one with codes', async () => {
      await codec.write(file('cut'), await marketTable('trade', 500));
      for (const keep of [0.9, 0.5, 0.001, 0]) {
        truncateSync(file('cut'), Math.floor(statSync(file('cut')).size * keep));
        await expect(codec.read(file('cut'))).rejects.toMatchObject({ code: expect.stringMatching(/^CHM6(04|10)$/) });
      }
      await expect(codec.read(file('missing'))).rejects.toMatchObject({ code: 'CHM609' });
    });
  });
}
