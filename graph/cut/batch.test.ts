import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../codec/crc32c.ts';
import { Clock } from '../engine/clock.ts';
import type { Fielded } from '../engine/slot.ts';
import { FEEDBACK, INPUT, inputAt, type Stamp, TIMER } from '../engine/stamp.ts';
import { bool, type Field, f64, int, list, oneOf, record, type Schema, text, Vec } from '../schema/index.ts';
import { type DecodedBatch, decodeBatch, FORMAT, HEAD_BYTES } from './batch.ts';
import { OutStream } from './out-stream.ts';
import { rowOf } from './wire-columns.ts';

/** Numbers by their bits, so that −0 and what a NaN carries count. */
const bitsOf = (x: number): string => new BigUint64Array(Float64Array.of(x).buffer)[0]!.toString(16);
const plain = (v: unknown): unknown =>
  typeof v === 'number' ? bitsOf(v) : v instanceof Vec ? Array.from(v.data.subarray(v.start, v.end), bitsOf) : v;

const manyChoices = Array.from({ length: 300 }, (_, i) => `c${i}`);
const fields: fc.Arbitrary<Field> = fc.constantFrom<Field>(
  f64(),
  int(),
  int({ nullable: true }),
  bool(),
  text(),
  oneOf('only'),
  oneOf('a', 'b', 'c'),
  oneOf('0', '1', '2', '3', '4', '5', '6', '7', '8', 'constructor'),
  oneOf(...manyChoices),
  list('px'),
  list('f64'),
);
const schemas = fc.array(
  fc
    .array(fields, { minLength: 1, maxLength: 5 })
    .map((of) => record('r', 1, Object.fromEntries(of.map((f, i) => [`f${i}`, f])))),
  { minLength: 1, maxLength: 3 },
);
const near = fc.integer({ min: -200, max: 200 });
const numbers = fc.oneof(
  { weight: 4, arbitrary: near },
  { weight: 2, arbitrary: near.map((d) => 1_723_075_200_000_000 + d) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-0, 0, Number.NaN, 2 ** 51, 2 ** 52 - 2, -(2 ** 52), 2 ** 53, 1e-20, 0.1, 2 ** 31),
  },
);
/** What a field may hold, from a seed of any kind. */
function fieldValue(f: Field, seed: { n: number; s: string; l: number[] }): unknown {
  const whole = Math.abs(Math.trunc(Number.isFinite(seed.n) ? seed.n : 0));
  switch (f.kind) {
    case 'bool':
      return whole % 2 === 1;
    case 'text':
      return seed.s;
    case 'oneOf':
      return f.values[whole % f.values.length];
    case 'list':
      return new Vec(Float64Array.from([7, ...seed.l, 9]), 1, 1 + seed.l.length);
    default:
      return seed.n;
  }
}
const stamps: fc.Arbitrary<Stamp> = fc.record({
  t: fc.integer({ min: 0, max: 2 ** 51 }),
  source: fc.integer({ min: -1, max: 3 }),
  seq: fc.integer({ min: -1, max: 1e9 }),
  phase: fc.constantFrom(INPUT, FEEDBACK, TIMER),
  generation: fc.nat(3),
  place: fc.nat(9),
  number: fc.nat(1000),
  path: fc.array(fc.nat(9), { maxLength: 4 }),
});
const seeds = fc.record({
  port: fc.nat(2),
  key: fc.integer({ min: -1, max: 5 }),
  n: numbers,
  s: fc.string({ unit: 'grapheme', maxLength: 6 }),
  l: fc.array(numbers, { maxLength: 12 }),
});
const cycles = fc.array(
  fc.record({
    stamp: stamps,
    input: fc.boolean(),
    cause: fc.nat(5),
    records: fc.array(seeds, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 12 },
);

interface Sent {
  readonly t: number;
  readonly seq: number;
  readonly cause: number;
  readonly stamp: Stamp | undefined;
  readonly records: readonly { readonly port: number; readonly key: number; readonly values: unknown[] }[];
}
type Cycles = typeof cycles extends fc.Arbitrary<infer T> ? T : never;

function encode(of: readonly Schema[], made: Cycles, anyKey: boolean) {
  const clock = new Clock();
  clock.declarations = [0, 1, 2, 3, 4, 5];
  const stream = new OutStream('s', of, clock, { position: 0, known: 0, anyKey });
  const sent: Sent[] = [];
  for (const { stamp, input, cause, records } of made) {
    clock.n++;
    clock.cause = cause;
    clock.seq = stamp.seq;
    clock.enter(input ? inputAt(stamp.t, cause, stamp.seq) : stamp);
    const rows = records.map(({ port: p, key, ...seed }) => {
      const port = p % of.length;
      const values = Object.fromEntries(
        Object.entries(of[port]!.fields).map(([name, f]) => [name, fieldValue(f, seed)]),
      );
      stream.push(port, { key, ...values } as unknown as Fielded);
      return { port, key: anyKey ? key : -1, values: Object.values(values).map(plain) };
    });
    const isInput = clock.phase === INPUT && clock.path.length === 0;
    sent.push({ t: clock.now, seq: clock.seq, cause, stamp: isInput ? undefined : clock.stamp(), records: rows });
  }
  return { stream, sent, ...stream.take()! };
}
function sentOf(batch: DecodedBatch, of: readonly Schema[]): Sent[] {
  return Array.from({ length: batch.cycles }, (_, c) => {
    const from = c === 0 ? 0 : batch.ends[c - 1]!;
    return {
      t: batch.t[c]!,
      seq: batch.seq[c]!,
      cause: batch.cause[c]!,
      stamp: batch.stamps.get(c),
      records: Array.from({ length: batch.ends[c]! - from }, (_, k) => {
        const port = batch.ports[from + k]!;
        const key = batch.keys ? batch.keys[from + k]! : -1;
        const row = rowOf(of[port]!, batch.columns[port]!, batch.rows[from + k]!, key);
        return { port, key, values: Object.keys(of[port]!.fields).map((name) => plain(row[name])) };
      }),
    };
  });
}
const withChecksum = (bytes: Uint8Array): Uint8Array => {
  new DataView(bytes.buffer).setUint32(4, crc32c(bytes, HEAD_BYTES), true);
  return bytes;
};

describe('a batch on the wire', () => {
  it('gives back every cycle, stamp and record bit for bit, whatever the layout', () => {
    fc.assert(
      fc.property(schemas, cycles, cycles, fc.boolean(), (of, first, second, anyKey) => {
        const a = encode(of, first, anyKey);
        expect([a.prev, a.last]).toEqual([0, first.length]);
        expect(sentOf(decodeBatch(a.payload, of), of)).toEqual(a.sent);
        // A payload may lie anywhere in a larger buffer, and the batch must not keep it.
        const moved = Buffer.concat([Buffer.from('abc'), a.payload, Buffer.from('de')]).subarray(
          3,
          3 + a.payload.length,
        );
        const batch = decodeBatch(moved, of);
        moved.fill(0xff);
        expect(sentOf(batch, of)).toEqual(a.sent);
        // Nothing of one batch is left in the next one.
        expect(encode(of, second, anyKey).payload).toEqual(encode(of, second, anyKey).payload);
        expect(a.stream.take()).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
  it('keeps what a NaN carries', () => {
    const of = [record('r', 1, { x: f64(), n: int({ nullable: true }), l: list('f64') })];
    const odd = new Float64Array(
      new BigUint64Array([0x7ff8000000000123n, 0xfff0000000000001n, 0x7ff8000000000000n]).buffer,
    );
    const clock = new Clock();
    const stream = new OutStream('s', of, clock, { position: 0, known: 0, anyKey: false });
    clock.n++;
    stream.push(0, { key: -1, x: 1, n: 5, l: new Vec(odd) } as unknown as Fielded);
    stream.push(0, { key: -1, x: 2, n: Number.NaN, l: new Vec(odd) } as unknown as Fielded);
    const { columns } = decodeBatch(stream.take()!.payload, of);
    const lists = columns[0]![2] as { values: Float64Array; offsets: Uint32Array };
    // Lists are copied from buffer to buffer. Whether a single number keeps it is the runtime's choice before it gets here.
    expect(new BigUint64Array(lists.values.buffer).slice(2, 3)).toEqual(new BigUint64Array(odd.buffer).slice(2));
    expect([...lists.values].every(Number.isNaN)).toBe(true);
    expect([...(columns[0]![1] as Float64Array)]).toEqual([5, Number.NaN]);
  });
  it('tells long lists by their differences, and gives them back', () => {
    const of = [record('ladder', 1, { px: list('px'), qty: list('qty') })];
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.record({ at: fc.nat(400), how: fc.nat(2), v: near, k: fc.nat(6) }), { maxLength: 6 }), {
          minLength: 1,
          maxLength: 25,
        }),
        (rows) => {
          const clock = new Clock();
          const stream = new OutStream('s', of, clock, { position: 0, known: 0, anyKey: false });
          const px = Array.from({ length: 300 }, (_, i) => 600_000 + 3 * i);
          const qty = Array.from({ length: 300 }, (_, i) => (i * 7919) % 5000);
          const sent: number[][] = [];
          for (const changes of rows) {
            for (const { at, how, v, k } of changes)
              for (const l of [px, qty]) {
                const i = Math.min(at, l.length);
                if (how === 0) l[i] = v;
                else if (how === 1) l.splice(i, k);
                else l.splice(i, 0, ...Array.from({ length: k }, (_, d) => v + d));
              }
            clock.n++;
            sent.push([...px], [...qty]);
            stream.push(0, {
              key: -1,
              px: new Vec(Float64Array.from(px)),
              qty: new Vec(Float64Array.from(qty)),
            } as unknown as Fielded);
          }
          const { payload } = stream.take()!;
          const { columns, rows: at } = decodeBatch(payload, of);
          const found = rows.flatMap((_, i) =>
            columns[0]!.map((c) => {
              const { values, offsets } = c as { values: Float64Array; offsets: Uint32Array };
              return [...values.subarray(offsets[at[i]!], offsets[at[i]! + 1])];
            }),
          );
          expect(found).toEqual(sent);
        },
      ),
      { numRuns: 200 },
    );
  });
  it('takes a few bytes for a trade and for a ladder of which little changes', () => {
    const Trade = record('t', 1, {
      id: int(),
      px: int(),
      qty: int(),
      side: oneOf('buy', 'sell'),
      ms: int(),
      on: bool(),
    });
    const Ladder = record('l', 1, { px: list('px') });
    const clock = new Clock();
    const stream = new OutStream('s', [Trade, Ladder], clock, { position: 0, known: 0, anyKey: false });
    const levels = Float64Array.from({ length: 1000 }, (_, i) => 600_000 + 2 * i);
    const bytesOf = (push: (i: number) => void): number => {
      for (let i = 0; i < 256; i++) {
        clock.n++;
        clock.now = 1_723_075_200_000_000 + 25 * clock.n;
        clock.seq = clock.n;
        push(i);
      }
      return stream.take()!.payload.length / 256;
    };
    expect(
      bytesOf((i) =>
        stream.push(0, {
          key: -1,
          id: 4e9 + i,
          px: 587_123 + (i % 40),
          qty: 1 + ((i * 7) % 3000),
          side: i % 3 ? 'buy' : 'sell',
          ms: 1.7e12 + i,
          on: true,
        } as unknown as Fielded),
      ),
    ).toBeLessThan(10);
    expect(
      bytesOf((i) => {
        levels[(i * 37) % 1000]!++;
        stream.push(1, { key: -1, px: new Vec(levels) } as unknown as Fielded);
      }),
    ).toBeLessThan(40);
  });
  it('leaves out the columns of ports that nobody wants, and reads the others', () => {
    fc.assert(
      fc.property(schemas, cycles, fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), (of, made, wanted) => {
        const { payload } = encode(of, made, false);
        const all = decodeBatch(payload, of);
        const some = decodeBatch(
          payload,
          of,
          wanted.map((w) => w || undefined),
        );
        expect(some.rows).toEqual(all.rows);
        of.forEach((_, p) => {
          expect(some.columns[p]).toEqual(wanted[p] ? all.columns[p] : undefined);
        });
      }),
      { numRuns: 50 },
    );
  });
  it('numbers cycles on, and leaves out those that are on the bus already', () => {
    const clock = new Clock();
    const of = [record('r', 1, { x: int() })];
    const stream = new OutStream('s', of, clock, { position: 3, known: 5, anyKey: false });
    const cycle = (x: number): void => {
      clock.n++;
      stream.push(0, { key: -1, x } as unknown as Fielded);
    };
    for (const x of [4, 5]) cycle(x);
    expect(stream.take()).toBeUndefined();
    for (const x of [6, 7]) cycle(x);
    const { prev, last, payload } = stream.take()!;
    expect([prev, last, stream.position]).toEqual([5, 7, 7]);
    expect([...(decodeBatch(payload, of).columns[0]![0] as Float64Array)]).toEqual([6, 7]);
  });
});

describe('bytes that are no batch', () => {
  const of = [record('r', 1, { a: int(), b: oneOf('x', 'y'), t: text(), l: list('px'), z: f64() })];
  const row = (port: number, n: number) => ({ port, key: n, n, s: `s${n}`, l: [n, n + 1] });
  const timer: Stamp = { t: 9, source: 0, seq: 4, phase: TIMER, generation: 1, place: 2, number: 3, path: [1, 0] };
  const made = [
    { stamp: timer, input: false, cause: 1, records: [row(0, 1), row(0, 2)] },
    { stamp: inputAt(1e6, 0, 7), input: true, cause: 0, records: [row(0, 300)] },
  ];
  const { payload } = encode(of, made as never, true);
  const refused = expect.objectContaining({ code: 'CHM513' });
  const codeOf = (bytes: Uint8Array, schema: readonly Schema[] = of): unknown => {
    try {
      return decodeBatch(bytes, schema);
    } catch (e) {
      return e;
    }
  };

  it('are refused wherever they end too early or go on too long', () => {
    for (let n = 0; n < payload.length; n++) expect(codeOf(payload.slice(0, n))).toEqual(refused);
    expect(codeOf(Uint8Array.from([...payload, 0]))).toEqual(refused);
    // Also by who writes a right checksum over it.
    for (let n = HEAD_BYTES; n < payload.length; n++)
      expect(codeOf(withChecksum(payload.slice(0, n)))).toEqual(refused);
  });
  it('are refused when any bit is another one', () => {
    for (let i = 0; i < payload.length; i++)
      for (let bit = 0; bit < 8; bit++) {
        const bytes = payload.slice();
        bytes[i]! ^= 1 << bit;
        expect(codeOf(bytes)).toEqual(refused);
      }
  });
  it('are refused or read, but never break the reader, when they only look right', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(payload.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = payload.slice();
          for (const [at, b] of changes) if (at >= HEAD_BYTES) bytes[at] = b;
          const found = codeOf(withChecksum(bytes));
          if (found instanceof Error) expect(found).toEqual(refused);
          else expect((found as DecodedBatch).rows.length).toBe((found as DecodedBatch).ports.length);
        },
      ),
      { numRuns: 2000 },
    );
  });
  it('are refused when they are of another format or another layout', () => {
    const other = payload.slice();
    new DataView(other.buffer).setUint32(0, FORMAT + 1, true);
    expect(codeOf(other)).toEqual(refused);
    expect(codeOf(payload, [])).toEqual(refused);
    expect(codeOf(payload, [record('r', 1, { a: int() })])).toEqual(refused);
    expect(codeOf(new TextEncoder().encode('[1,"a control message"]'))).toEqual(refused);
  });
});
