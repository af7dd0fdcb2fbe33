import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLines } from './testing/decode-lines.ts';

/** The JSON text of a value with the field order, blanks, escapes and repeated fields that the arbitraries choose. */
interface Style {
  blanks: readonly string[];
  order: readonly number[];
  escape: boolean;
  extra: readonly [string, string][];
  repeat: number | null;
}
const scalar = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1',
    '-7',
    '9007199254740991',
    '9007199254740993',
    '1e3',
    '1.5',
    '-2.50',
    '1E-2',
    '01',
    '1.',
    '.5',
    '-',
    'NaN',
    '""',
    '"x"',
    '"MARKET"',
    '"é"',
    '"\\u0041"',
    '"a\\"b"',
    '"\\n"',
    '"1.5"',
    '"-3"',
    '"0"',
    '"0.000"',
    '"1e5"',
    '"1e-9"',
    '"NaN"',
    '"Infinity"',
    '" 1"',
    '"12345678901234567890"',
    '"0.1234567890123"',
    '"007"',
    '"+1"',
  ),
  fc.constantFrom(
    '"a\tb"',
    '"\u0001"',
    '"\u007f"',
    '"ÿ"',
    '9007199254740992',
    '9007199254740995',
    '1234567890123456',
    '12345678901234567',
  ),
  fc.integer({ min: -5, max: 2 ** 40 }).map(String),
  fc.stringMatching(/^\d{1,12}(\.\d{1,9})?$/).map((s) => `"${s}"`),
);
const level = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.stringMatching(/^\d{1,6}\.\d{1,4}$/), fc.stringMatching(/^\d{1,5}(\.\d{1,3})?$/))
      .map(([p, q]) => `["${p}","${q}"]`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '[]',
      '["1"]',
      '["1","2","3"]',
      '["1","2",[]]',
      '[1,2]',
      '["x","1"]',
      '["1" , "2" ]',
      '["-1","2"]',
      '["0","2"]',
      '["1","-2"]',
      '"1"',
      'null',
      '{}',
      '["1e2","1"]',
      '["1","2"]]',
    ),
  },
);
const levels = fc.array(level, { maxLength: 6 }).map((l) => `[${l.join(',')}]`);
const nested = fc.constantFrom(
  '{}',
  '[]',
  '{"a":1}',
  '[1,2]',
  '[["1","2"]]',
  '{"x":{"y":[]}}',
  '[1,]',
  '{"a":}',
  '{"k":{"t":1}}',
);
const value = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 2, arbitrary: levels },
  { weight: 1, arbitrary: nested },
);

const t = '1700000000000';
const FRAMES: Record<string, Record<string, string>> = {
  trade: {
    e: '"trade"',
    E: t,
    T: t,
    s: '"BTCUSDT"',
    t: '12345',
    p: '"28145.10"',
    q: '"0.002"',
    X: '"MARKET"',
    m: 'true',
  },
  spotTrade: {
    e: '"trade"',
    E: t,
    s: '"BTCUSDT"',
    t: '1',
    p: '"61837.63000000"',
    q: '"0.02000000"',
    b: '5',
    a: '6',
    T: t,
    m: 'true',
    M: 'true',
  },
  aggTrade: {
    e: '"aggTrade"',
    E: t,
    a: '8',
    s: '"BTCUSDT"',
    p: '"68005.00"',
    q: '"2.695"',
    nq: '"2.695"',
    f: '5',
    l: '8',
    T: t,
    m: 'false',
  },
  bookTicker: {
    e: '"bookTicker"',
    u: '99',
    s: '"BTCUSDT"',
    b: '"1.10"',
    B: '"46.371"',
    a: '"1.20"',
    A: '"0.095"',
    T: t,
    E: t,
  },
  spotTicker: { u: '99', s: '"BTCUSDT"', b: '"1.10"', B: '"46.371"', a: '"1.20"', A: '"0.095"' },
  depth: {
    e: '"depthUpdate"',
    E: t,
    T: t,
    s: '"BTCUSDT"',
    U: '5',
    u: '9',
    pu: '4',
    b: '[["1.1","2"],["1.0","0.000"]]',
    a: '[]',
  },
  snapshot: { lastUpdateId: '77', E: t, T: t, bids: '[["1.1","2"]]', asks: '[["1.2","3.5"]]' },
  mark: {
    e: '"markPriceUpdate"',
    E: t,
    s: '"BTCUSDT"',
    p: '"68005.80802899"',
    P: '"67836.82194783"',
    i: '"68035.14043478"',
    r: '"-0.00004435"',
    T: t,
  },
  kline: {
    e: '"kline"',
    E: t,
    s: '"BTCUSDT"',
    k: `{"t":${t},"T":1700000059999,"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"1.5","c":"2.0","h":"2.50","l":"1.25","v":"1000","n":100,"x":false,"q":"1.00","V":"500","Q":"0.5","B":"0"}`,
  },
  liquidation: {
    e: '"forceOrder"',
    E: t,
    o: `{"s":"XRPUSDT","S":"BUY","o":"LIMIT","f":"IOC","q":"127.2","p":"1.4984","ap":"1.4912","X":"FILLED","l":"108.1","z":"127.2","T":${t},"ps":"XRPUSDT","st":1}`,
  },
  other: { e: '"24hrTicker"', s: '"BTCUSDT"' },
  reply: { result: 'null', id: '3' },
  unknown: { e: '"surprise"', s: '"BTCUSDT"' },
};

function print(fields: readonly (readonly [string, string])[], style: Style): string {
  let blank = 0;
  const ws = (): string => (style.blanks.length === 0 ? '' : style.blanks[blank++ % style.blanks.length]!);
  const ordered = fields.map((f, i) => [style.order[i % Math.max(1, style.order.length)] ?? 0, i, f] as const);
  ordered.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const parts = ordered.map(([, , [name, text]]) => {
    const label = style.escape && name.length === 1 ? `"\\u00${name.charCodeAt(0).toString(16)}"` : `"${name}"`;
    return `${ws()}${label}${ws()}:${ws()}${text}${ws()}`;
  });
  if (style.repeat !== null && parts.length > 0) parts.push(parts[style.repeat % parts.length]!);
  return `{${parts.join(',')}}`;
}

const style = fc.record({
  blanks: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom('', ' ', '\t', '  ', '\r'), { maxLength: 5 }) },
  ),
  order: fc.oneof(fc.constant([]), fc.array(fc.nat(50), { maxLength: 12 })),
  escape: fc.boolean().map((b) => b),
  extra: fc.array(
    fc.tuple(
      fc.constantFrom(
        'x',
        'nq',
        'ps',
        'st',
        'zz',
        'B',
        'k',
        'o',
        'pu',
        'é',
        'e',
        'bids',
        'stream',
        'id',
        'result',
        'data',
        '__proto__',
        'constructor',
        '1',
        '',
      ),
      value,
    ),
    { maxLength: 2 },
  ),
  repeat: fc.option(fc.nat(20), { freq: 10 }),
});
const frame = fc
  .tuple(
    fc.constantFrom(...Object.keys(FRAMES)),
    style,
    fc.option(fc.tuple(fc.nat(20), fc.oneof(value, fc.constant(null))), { freq: 2 }),
  )
  .map(([kind, s, change]) => {
    let fields = Object.entries(FRAMES[kind]!).map(([k, v]) => [k, v] as [string, string]);
    if (change !== null) {
      const at = change[0] % fields.length;
      if (change[1] === null) fields = fields.filter((_, i) => i !== at);
      else fields[at]![1] = change[1];
    }
    return print([...fields, ...s.extra], { ...s, escape: s.escape && s.repeat === 3 });
  });
const wrapped = fc
  .tuple(frame, fc.constantFrom('raw', 'combined', 'reversed', 'list', 'extra', 'blank'))
  .map(([f, how]) => {
    if (how === 'raw') return f;
    if (how === 'combined') return `{"stream":"btcusdt@x","data":${f}}`;
    if (how === 'reversed') return `{"data":${f},"stream":"btcusdt@depth20@100ms"}`;
    if (how === 'list') return `{"stream":"!markPrice@arr","data":[${f},${f}]}`;
    if (how === 'blank') return ` { "stream" : "btcusdt@depth" , "data" : ${f} } `;
    return `{"stream":"btcusdt@x","id":7,"data":${f}}`;
  });
/** Cut, flip or drop bytes. */
const damaged = fc
  .tuple(
    wrapped,
    fc.option(fc.tuple(fc.nat(2000), fc.constantFrom('cut', 'drop', 'double', '"', '}', ',', '0', 'e', '\\')), {
      freq: 3,
    }),
  )
  .map(([text, damage]) => {
    if (damage === null) return text;
    const at = damage[0] % (text.length + 1);
    if (damage[1] === 'cut') return text.slice(0, at);
    if (damage[1] === 'drop') return text.slice(0, at) + text.slice(at + 1);
    if (damage[1] === 'double') return text.slice(0, at) + text.slice(at - 1);
    return text.slice(0, at) + damage[1] + text.slice(at + 1);
  });

describe('the byte scanner', () => {
  it('decodes every frame, whole or damaged, exactly as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.array(damaged, { minLength: 1, maxLength: 4 }), (frames) => {
        const lines = frames.map((f, i) => `170000000000${i}000 ${f.replaceAll('\n', ' ')}`);
        expect(decodeLines(lines, 'scan')).toEqual(decodeLines(lines, 'reference'));
      }),
      { numRuns: 20_000 },
    );
  });
  it('decodes undamaged frames of each type to the values that they hold', () => {
    const { rows, refused } = decodeLines(
      Object.entries(FRAMES)
        .filter(([k]) => k !== 'unknown')
        .map(
          ([, f]) =>
            `1700000000000000 ${print(Object.entries(f), { blanks: [], order: [], escape: false, extra: [], repeat: null })}`,
        ),
      'scan',
    );
    expect(refused).toEqual([]);
    expect(rows).toEqual([
      [
        'trade',
        1.7e15,
        'BTCUSDT 2',
        0,
        '12345',
        '28145.1',
        '0.002',
        '1',
        '1700000000000',
        '1700000000000',
        '1',
        '0',
        '12345',
        '12345',
      ],
      [
        'trade',
        1.7e15,
        'BTCUSDT 1',
        0,
        '1',
        '61837.63',
        '0.02',
        '1',
        '1700000000000',
        '1700000000000',
        '1',
        '0',
        '1',
        '1',
      ],
      [
        'trade',
        1.7e15,
        'BTCUSDT 2',
        0,
        '8',
        '68005',
        '2.695',
        '0',
        '1700000000000',
        '1700000000000',
        '1',
        '1',
        '5',
        '8',
      ],
      ['book_ticker', 1.7e15, 'BTCUSDT 2', 0, '99', '1.1', '46.371', '1.2', '0.095', '1700000000000', '1700000000000'],
      ['book_ticker', 1.7e15, 'BTCUSDT 1', 0, '99', '1.1', '46.371', '1.2', '0.095', 'NaN', 'NaN'],
      [
        'depth',
        1.7e15,
        'BTCUSDT 2',
        0,
        '5',
        '9',
        '4',
        '1700000000000',
        '1700000000000',
        ['1.1', '1'],
        ['2', '0'],
        [],
        [],
      ],
      ['depth_snapshot', 1.7e15, ' 2', 0, '77', '1700000000000', '1700000000000', ['1.1'], ['2'], ['1.2'], ['3.5']],
      [
        'mark_price',
        1.7e15,
        'BTCUSDT 2',
        0,
        '68005.80802899',
        '68035.14043478',
        '67836.82194783',
        '-0.00004435',
        '1700000000000',
        '1700000000000',
      ],
      [
        'kline',
        1.7e15,
        'BTCUSDT 0',
        0,
        '1700000000000',
        '1700000059999',
        '1m',
        '1.5',
        '2.5',
        '1.25',
        '2',
        '1000',
        '1',
        '100',
        '500',
        '0.5',
        '100',
        '200',
        '0',
        '1700000000000',
      ],
      [
        'liquidation',
        1.7e15,
        'XRPUSDT 2',
        0,
        '0',
        '1.4984',
        '1.4912',
        '127.2',
        '127.2',
        '1700000000000',
        '1700000000000',
      ],
    ]);
  });
  it('takes the hot frames itself, without the reference', () => {
    // The reference would accept these; only a scan leaves JSON.parse alone.
    const parse = JSON.parse;
    let calls = 0;
    JSON.parse = ((...a: Parameters<typeof parse>) => {
      calls++;
      return parse(...a);
    }) as typeof parse;
    try {
      const hot = Object.entries(FRAMES).filter(([k]) => k !== 'unknown' && k !== 'other' && k !== 'reply');
      decodeLines(
        hot.map(
          ([, f]) =>
            `1700000000000000 {"stream":"a@b","data":${print(Object.entries(f), { blanks: [], order: [], escape: false, extra: [], repeat: null })}}`,
        ),
        'scan',
      );
    } finally {
      JSON.parse = parse;
    }
    expect(calls).toBe(0);
  });
});
