import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDecimal } from '../math/index.ts';
import {
  bool,
  f64,
  int,
  KeyTable,
  list,
  money,
  oneOf,
  px,
  qty,
  quote,
  record,
  text,
  us,
  Vec,
} from '../schema/index.ts';
import { formatValue, RowFormatter } from './format.ts';
import { TextBuffer } from './text-buffer.ts';

const keys = new KeyTable();
keys.declare('usdm:BTCUSDT', 2, 3);
keys.declare('spot:A,B', 5, 0);
const names = { causes: ['market', 'clock'], keys };
const string = (b: Uint8Array): string => new TextDecoder().decode(b);

const Row = record('row', 1, {
  p: px({ nullable: true }),
  q: qty(),
  v: quote(),
  m: money(),
  x: f64({ nullable: true }),
  n: int(),
  at: us(),
  ok: bool(),
  side: oneOf('buy', 'sell'),
  why: text(),
  levels: list('px'),
  weights: list('f64'),
});
const rows = {
  schema: Row,
  cause: [0, 1],
  seq: [7, 8],
  t: [1723104000123456, 1723104000123457],
  key: [0, 1],
  columns: [
    Float64Array.of(6500010, Number.NaN),
    [1500, -3],
    [650001050000, 12345],
    [-1, 123456789012],
    [0.1 + 0.2, Number.NaN],
    [0, 9007199254740991],
    [0, 1723104000123456],
    [true, false],
    ['buy', 'sell'],
    ['plain', 'says "no", twice\nor more, für 量化'],
    [new Vec(Float64Array.of(1, 6500000, 6500010, 2), 1, 3), []],
    [
      [-0, 1e-7, 1e21],
      [0.5, Number.NaN],
    ],
  ],
};

describe('rows as text', () => {
  it('are CSV with exact decimals in plain notation, shortest doubles, and quotes where RFC 4180 asks for them', () => {
    const f = new RowFormatter(Row, 'csv', names);
    expect(string(f.header)).toBe('source,seq,t_avail_us,key,p,q,v,m,x,n,at,ok,side,why,levels,weights\n');
    expect(string(f.format(rows, 0, 2))).toBe(
      'market,7,1723104000123456,usdm:BTCUSDT,65000.1,1.5,6500010.5,-0.00000001,0.30000000000000004,0,0,true,buy,plain,' +
        '"[65000,65000.1]","[-0,1e-7,1e+21]"\n' +
        'clock,8,1723104000123457,"spot:A,B",,-3,0.12345,1234.56789012,,9007199254740991,1723104000123456,false,sell,' +
        '"says ""no"", twice\nor more, für 量化","[]","[0.5,null]"\n',
    );
    expect(string(f.format(rows, 1, 2))).toMatch(/^clock,8,/);
  });
  it('are JSON lines with the same numbers', () => {
    const f = new RowFormatter(Row, 'jsonl', names);
    expect(f.header.length).toBe(0);
    const lines = string(f.format(rows, 0, 2))
      .trimEnd()
      .split('\n');
    expect(lines[0]).toContain('"p":65000.1,"q":1.5,"v":6500010.5,"m":-0.00000001,');
    expect(JSON.parse(lines[1]!)).toEqual({
      source: 'clock',
      seq: 8,
      t_avail_us: 1723104000123457,
      key: 'spot:A,B',
      p: null,
      q: -3,
      v: 0.12345,
      m: 1234.56789012,
      x: null,
      n: 9007199254740991,
      at: 1723104000123456,
      ok: false,
      side: 'sell',
      why: 'says "no", twice\nor more, für 量化',
      levels: [],
      weights: [0.5, null],
    });
  });
  it('have no key where the node has none', () => {
    const S = record('s', 1, { value: f64() });
    const unkeyed = { schema: S, cause: [0], seq: [1], t: [2], key: [-1], columns: [[3]] };
    expect(string(new RowFormatter(S, 'csv', names).format(unkeyed, 0, 1))).toBe('market,1,2,,3\n');
    expect(string(new RowFormatter(S, 'jsonl', names).format(unkeyed, 0, 1))).toContain('"key":null');
  });
  it('agree value by value with the single-value form', () => {
    const f = new RowFormatter(Row, 'csv', names);
    const cells = string(f.format(rows, 0, 1))
      .trimEnd()
      .split(',')
      .slice(4, 13);
    const single = Object.entries(Row.fields).slice(0, 9);
    expect(single.map(([, field], i) => formatValue(field, rows.columns[i]![0], keys.at(0)))).toEqual(cells);
    expect(formatValue(Row.fields.levels, rows.columns[10]![0], keys.at(0))).toBe('[65000,65000.1]');
    expect(formatValue(Row.fields.p, Number.NaN, keys.at(0))).toBe('');
  });
});

describe('text buffer', () => {
  it('writes every integer, decimal and double as the language does', () => {
    const out = new TextBuffer(1);
    const written = (write: () => void): string => {
      out.clear();
      write();
      return string(out.bytes);
    };
    const amount = fc.oneof(
      fc.maxSafeInteger(),
      fc.integer(),
      fc.nat(99999),
      fc.constantFrom(0, 1e8, 1e8 - 1, 1e16 / 2),
    );
    fc.assert(
      fc.property(amount, fc.nat(16), fc.double({ noNaN: true }), (v, digits, x) => {
        expect(written(() => out.int(v))).toBe(String(v));
        expect(written(() => out.decimal(v, digits))).toBe(formatDecimal(v, digits));
        expect(written(() => out.double(x))).toBe(Object.is(x, -0) ? '-0' : String(x));
      }),
      { numRuns: 5000 },
    );
    expect(written(() => out.text('a'.repeat(100) + '€'))).toBe(`${'a'.repeat(100)}€`);
  });
});
