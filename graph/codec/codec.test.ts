import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChimeraError } from '../schema/error.ts';
import { type CodecClass, crc32c, decode, encode } from './index.ts';

const round = (v: unknown): unknown => decode(encode(v));
function refusal(run: () => unknown): { code: string; field: string | undefined; message: string } {
  try {
    run();
  } catch (e) {
    if (e instanceof ChimeraError) return { code: e.code, field: e.where.field, message: e.message };
    throw e;
  }
  throw new Error('nothing was refused');
}
const bits = (x: number): bigint => {
  const v = new DataView(new ArrayBuffer(8));
  v.setFloat64(0, x);
  return v.getBigUint64(0);
};

const plain = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 100, maxLength: 300 }),
    fc.boolean(),
    fc.bigInt(),
    fc.constantFrom(null, undefined, -0, Number.NaN, Infinity, -Infinity, '\ud800', 2 ** 31, -(2 ** 31), 63, 64, 128),
    fc.float64Array(),
    fc.float32Array(),
    fc.int32Array(),
    fc.uint8Array(),
    fc.uint8ClampedArray(),
    fc.int16Array(),
    fc.uint16Array(),
    fc.uint32Array(),
    fc.int8Array(),
    fc.bigInt64Array(),
    fc.bigUint64Array(),
    fc.array(fc.integer(), { minLength: 8 }),
    fc.array(fc.double(), { minLength: 8 }),
  ),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('node'), { maxKeys: 5 }),
    fc.array(fc.tuple(tie('leaf'), tie('node')), { maxLength: 4 }).map((e) => new Map(e)),
    fc.array(tie('leaf'), { maxLength: 4 }).map((e) => new Set(e)),
  ),
})).node;

describe('crc32c', () => {
  it('gives the check value of the catalogue and the test vectors of RFC 3720', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  });
  it('equals the bit-by-bit division for any bytes, wherever they are cut', () => {
    const slow = (b: Uint8Array): number => {
      let c = 0xffffffff;
      for (const x of b) {
        c ^= x;
        for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
      }
      return ~c >>> 0;
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (b, cut) => {
        const at = Math.min(cut, b.length);
        expect(crc32c(b)).toBe(slow(b));
        expect(crc32c(b, at, b.length, crc32c(b, 0, at))).toBe(slow(b));
      }),
    );
  });
});

describe('state codec', () => {
  it('gives back any plain value as it was, with key order and from the same bytes each time', () => {
    fc.assert(
      fc.property(plain, (v) => {
        const bytes = encode(v);
        const back = decode(bytes);
        expect(back).toStrictEqual(v);
        expect(encode(back)).toEqual(bytes);
        expect(keys(back)).toEqual(keys(v));
      }),
      { numRuns: 400 },
    );
  });
  it('has a byte format that does not change: header, length, tags, checksum', () => {
    const hex = (v: unknown) => Buffer.from(encode(v)).toString('hex');
    // 'CHS' 1 | length | object, 3 properties | 'a': 1 | 'b': [-0, 300] | 'c': Float32Array [1] | CRC-32C
    const payload =
      '1303' + '8161' + '41' + '8162' + '1002' + '050000000000000080' + '072c01' + '8163' + '27010000803f';
    const sealed = Buffer.from(`43485301${'1d000000'}${payload}${'0'.repeat(8)}`, 'hex');
    seal(sealed);
    expect(hex({ a: 1, b: [-0, 300], c: new Float32Array([1]) })).toBe(sealed.toString('hex'));
    expect(hex(['é', '量', -1, 64, 2 ** 31, -5n, null, undefined, true]).slice(16, -8)).toBe(
      '1009' + '81e9' + '0a01cf91' + '06ff' + '0640' + '05000000000000e041' + '0b010105' + '01' + '00' + '03',
    );
  });
  it('keeps the bits of every double: -0, infinities, subnormals, the ends of the integer forms', () => {
    const edges = [0, -0, 1, -1, 63, 64, -128, -129, 127, 128, 32767, 32768, -32768, -32769, 2 ** 31 - 1, 2 ** 31];
    for (const x of [...edges, -(2 ** 31), 2 ** 53, -(2 ** 53), 5e-324, 0.1, Number.MAX_VALUE, Infinity, -Infinity])
      expect(bits(round(x) as number)).toBe(bits(x));
    fc.assert(fc.property(fc.double({ noNaN: true }), (x) => bits(round(x) as number) === bits(x)));
    const packed = [-0, 0, 1, 2, 3, 4, 5, 6, 7];
    expect((round(packed) as number[]).map(bits)).toEqual(packed.map(bits));
  });
  it('keeps the payload of a NaN where JavaScript shows it, in typed arrays', () => {
    const payloads = new BigUint64Array([0x7ff8000000000001n, 0xfff0000000000bedn, 0x7ff4deadbeef0000n]);
    const back = round({ x: new Float64Array(payloads.buffer) }) as { x: Float64Array };
    expect(new BigUint64Array(back.x.buffer)).toEqual(payloads);
  });
  it('writes all scalar NaNs alike, because a program cannot tell them apart', () => {
    const odd = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0]!;
    expect(encode({ x: odd })).toEqual(encode({ x: Number.NaN }));
    expect(encode(new Array(9).fill(odd))).toEqual(encode(new Array(9).fill(Number.NaN)));
  });
  it('gives back shared objects as shared, also deep inside and past the linear search', () => {
    const ring = new Float64Array([1, 2]);
    const many = Array.from({ length: 40 }, (_, i) => ({ i, ring }));
    const back = round({ a: ring, many, m: new Map([[many[3], many[30]]]) }) as {
      a: Float64Array;
      many: { i: number; ring: Float64Array }[];
      m: Map<unknown, unknown>;
    };
    for (const o of back.many) expect(o.ring).toBe(back.a);
    expect([...back.m][0]).toEqual([back.many[3], back.many[30]]);
    expect([...back.m][0]![0]).toBe(back.many[3]);
  });
  it('copies a window of a larger buffer, and nothing around it', () => {
    const big = new Float64Array([1, 2, 3, 4]);
    const back = round({ a: big.subarray(0, 2), b: big.subarray(2) }) as Record<'a' | 'b', Float64Array>;
    expect([...back.a, ...back.b]).toEqual([1, 2, 3, 4]);
    expect(back.a.buffer.byteLength).toBe(16);
  });
  it('reads from any offset of a larger buffer', () => {
    const bytes = encode({ a: [1, 'x', 0.5], t: new Float64Array([1, 2]), s: 'ü'.repeat(200), u: '量化'.repeat(9) });
    const shifted = new Uint8Array(bytes.length + 7);
    shifted.set(bytes, 3);
    expect(decode(shifted.subarray(3, 3 + bytes.length))).toEqual(decode(bytes));
  });
  it('keeps a key named __proto__ as a key, and an object without prototype without', () => {
    const odd = JSON.parse('{"__proto__": {"x": 1}, "y": 2}') as object;
    const back = round(odd) as object;
    expect(Object.keys(back)).toEqual(['__proto__', 'y']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(round(Object.create(null)))).toBe(null);
  });
  it('refuses what has no bytes and names its path', () => {
    class Wallet {}
    expect(refusal(() => encode({ a: { b: [1, { cb: () => 1 }] } }))).toMatchObject({
      code: 'CHM710',
      field: 'state.a.b[1].cb',
    });
    expect(refusal(() => encode({ a: 1, 'odd key': { w: new Wallet() } }))).toMatchObject({
      code: 'CHM711',
      field: 'state["odd key"].w',
    });
    expect(refusal(() => encode({ m: new Map([['k', new Date(0)]]) })).field).toBe('state.m.k');
    expect(refusal(() => encode({ x: Buffer.from('a') })).code).toBe('CHM711');
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested.
    expect(refusal(() => encode({ x: [1, , 2] }))).toMatchObject({ code: 'CHM710', field: 'state.x[1]' });
    expect(refusal(() => encode({ x: { [Symbol('s')]: 1 } })).code).toBe('CHM710');
    expect(refusal(() => encode({ x: Symbol('s') })).code).toBe('CHM710');
  });
  it('refuses a loop, overlapping views and bottomless nesting', () => {
    const loop: Record<string, unknown> = { ok: {} };
    loop['deep'] = { self: loop };
    expect(refusal(() => encode(loop))).toMatchObject({ code: 'CHM712', field: 'state.deep.self' });
    const f = new Float64Array(4);
    expect(refusal(() => encode({ f, bytes: new Uint8Array(f.buffer, 8, 8) }))).toMatchObject({
      code: 'CHM713',
      field: 'state.bytes',
    });
    let chain: unknown = null;
    for (let i = 0; i < 100_000; i++) chain = { next: chain };
    expect(refusal(() => encode(chain)).code).toBe('CHM714');
    expect(round({ after: 'a refusal' })).toEqual({ after: 'a refusal' });
  });
  it('carries a declared class by way of plain data, also when its conversion encodes', () => {
    class Money {
      readonly units: number;
      constructor(units: number) {
        this.units = units;
      }
    }
    const money: CodecClass<Money> = {
      name: 'Money',
      type: Money,
      to: (m) => encode({ units: m.units }),
      from: (p) => new Money((decode(p as Uint8Array) as Money).units),
    };
    const shared = new Money(5);
    const classes = [money as CodecClass];
    const bytes = encode({ a: shared, b: [shared] }, { classes });
    const back = decode(bytes, { classes }) as { a: Money; b: Money[] };
    expect(back.a).toEqual(shared);
    expect(back.b[0]).toBe(back.a);
    expect(refusal(() => decode(bytes)).code).toBe('CHM719');
  });
});

describe('damage', () => {
  const sample = (): unknown => ({
    n: 12,
    ema: 0.1,
    ring: new Float64Array([1, 2, 3]),
    o: [{ id: 'a' }],
    m: new Map([[1, 2]]),
  });
  it('finds every single flipped bit of a snapshot', () => {
    const bytes = encode(sample());
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = bytes.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      codes.add(refusal(() => decode(bad)).code);
    }
    expect([...codes].sort()).toEqual(['CHM715', 'CHM717', 'CHM718']);
  });
  it('finds a flipped bit in any snapshot', () => {
    fc.assert(
      fc.property(plain, fc.nat(), (v, n) => {
        const bytes = encode(v);
        const bit = n % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(refusal(() => decode(bytes)).code).toMatch(/^CHM71[5-8]$/);
      }),
    );
  });
  it('finds a cut at every length, appended bytes, and a later format', () => {
    const bytes = encode(sample());
    for (let n = 0; n < bytes.length; n++) expect(refusal(() => decode(bytes.slice(0, n))).code).toBe('CHM717');
    expect(refusal(() => decode(Uint8Array.from([...bytes, 0]))).code).toBe('CHM717');
    const later = bytes.slice();
    later[3] = 9;
    seal(later);
    expect(refusal(() => decode(later)).code).toBe('CHM716');
  });
  it('answers senseless content under a right checksum with a coded error, never a crash or a huge allocation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (content) => {
        const bytes = new Uint8Array(content.length + 12);
        bytes.set(encode(null).subarray(0, 4));
        new DataView(bytes.buffer).setUint32(4, content.length, true);
        bytes.set(content, 8);
        seal(bytes);
        try {
          decode(bytes);
        } catch (e) {
          expect((e as ChimeraError).code).toBe('CHM719');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function seal(bytes: Uint8Array): void {
  const end = bytes.length - 4;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32c(bytes, 0, end), true);
}
/** All keys in order, which toStrictEqual does not compare. */
function keys(v: unknown): unknown {
  if (v instanceof Map) return [...v].map(([k, x]) => [k, keys(x)]);
  if (v instanceof Set) return [...v];
  if (Array.isArray(v)) return v.map(keys);
  if (v !== null && typeof v === 'object' && !ArrayBuffer.isView(v))
    return Object.entries(v).map(([k, x]) => [k, keys(x)]);
  return 0;
}
