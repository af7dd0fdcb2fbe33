import { describe, expect, it } from 'vitest';
import { marketOfUrl } from './recorder.ts';
import { decodeLines } from './testing/decode-lines.ts';

const ticker = (u: number): string => `{"u":${u},"s":"BTCUSDT","b":"1.1","B":"2","a":"1.2","A":"3"}`;
const times = (lines: readonly string[]): unknown[] => decodeLines(lines, 'scan').rows.map((r) => (r as unknown[])[1]);
const codes = (lines: readonly string[]): string[] =>
  decodeLines(lines, 'scan').refused.map((r) => (r as { code: string }).code);

describe('receive times', () => {
  it('are read in ns, µs, ms and in seconds with decimals, and floored to µs', () => {
    expect(
      times([
        `1723161253937 ${ticker(1)}`,
        `1723161253937085 ${ticker(2)}`,
        `1723161253937085999 ${ticker(3)}`,
        `1723161253.9370867: ${ticker(4)}`,
        `1723161253.94: ${ticker(5)}`,
        `1723161254 ${ticker(6)}`,
        `1723161254001.5 ${ticker(7)}`,
      ]),
    ).toEqual([
      1723161253937000, 1723161253937085, 1723161253937085, 1723161253937086, 1723161253940000, 1723161254000000,
      1723161254001500,
    ]);
  });
  it('never step back: a step back is clamped, counted and flagged, also within one µs', () => {
    const { rows, outOfOrder } = decodeLines(
      [
        `1723161253937085500 ${ticker(1)}`,
        `1723161253937085400 ${ticker(2)}`,
        `1723161253937084000 ${ticker(3)}`,
        `1723161253937085500 ${ticker(4)}`,
      ],
      'scan',
    );
    expect(rows.map((r) => [(r as unknown[])[1], (r as unknown[])[3]])).toEqual([
      [1723161253937085, 0],
      [1723161253937085, 1],
      [1723161253937085, 1],
      [1723161253937085, 0],
    ]);
    expect(outOfOrder).toBe(2);
  });
  it('that are impossible are refused and move nothing', () => {
    expect(
      codes([
        `1723161253937 ${ticker(1)}`,
        `17231612 ${ticker(2)}`,
        `9723161253937 ${ticker(3)}`,
        `17231612539370850 ${ticker(4)}`,
        `1723161253938x ${ticker(5)}`,
      ]),
    ).toEqual(['CHM652', 'CHM652', 'CHM652', 'CHM651']);
    expect(times([`1723161253937 ${ticker(1)}`, `0 ${ticker(2)}`, `1723161253938 ${ticker(3)}`])).toEqual([
      1723161253937000, 1723161253937000, 1723161253938000,
    ]);
  });
  it('of refused lines before the first good one are that one’s', () => {
    expect(times(['rubbish', `x`, `1723161253937 ${ticker(1)}`])).toEqual([
      1723161253937000, 1723161253937000, 1723161253937000,
    ]);
  });
  it('of bare frames are their event times', () => {
    const { rows, outOfOrder } = decodeLines(
      [
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1771263510064,"T":1771263510064,"s":"BTCUSDT","t":7,"p":"68005.00","q":"0.100","X":"MARKET","m":true}}',
        '{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1771263510000,"s":"BTCUSDT","p":"68005.8","P":"6.1","i":"6.2","r":"-0.00004435","T":1771286400000}}',
      ],
      'scan',
    );
    expect(rows.map((r) => (r as unknown[])[1])).toEqual([1771263510064000, 1771263510064000]);
    expect(outOfOrder).toBe(0);
  });
});

describe('refused lines', () => {
  const at = (frame: string): string => `1723161253937 ${frame}`;
  it.each([
    ['half a line', '{"e":"trade","E":17231612', 'CHM650'],
    ['nothing behind the time', '', 'CHM650'],
    ['no JSON', 'hello', 'CHM650'],
    ['no object', '[1,2]', 'CHM653'],
    ['an unknown event', '{"e":"surprise","s":"BTCUSDT"}', 'CHM653'],
    ['no event', '{"x":1}', 'CHM653'],
    ['a missing id', '{"e":"trade","E":1700000000000,"T":1700000000000,"s":"B","p":"1","q":"1","m":true}', 'CHM654'],
    ['a missing symbol', '{"e":"bookTicker","u":1,"b":"1","B":"1","a":"2","A":"1"}', 'CHM654'],
    ['a symbol that is none', '{"e":"bookTicker","s":"../B,\\"","u":1,"b":"1","B":"1","a":"2","A":"1"}', 'CHM655'],
    ['missing levels', '{"e":"depthUpdate","s":"B","U":1,"u":2,"b":[]}', 'CHM654'],
    [
      'an id that is a text',
      '{"e":"trade","E":1700000000000,"T":1700000000000,"s":"B","t":"1","p":"1","q":"1","m":true}',
      'CHM655',
    ],
    ['levels that are no pairs', '{"e":"depthUpdate","s":"B","U":1,"u":2,"b":[["1"]],"a":[]}', 'CHM655'],
    ['update ids the wrong way round', '{"e":"depthUpdate","s":"B","U":3,"u":2,"b":[],"a":[]}', 'CHM655'],
    ['a price NaN', '{"e":"bookTicker","u":1,"s":"B","b":"NaN","B":"1","a":"2","A":"1"}', 'CHM656'],
    ['a price zero', '{"e":"bookTicker","u":1,"s":"B","b":"0.00","B":"1","a":"2","A":"1"}', 'CHM656'],
    ['a negative price', '{"e":"bookTicker","u":1,"s":"B","b":"-1","B":"1","a":"2","A":"1"}', 'CHM656'],
    ['a price zero in a diff', '{"e":"depthUpdate","s":"B","U":1,"u":2,"b":[["0","1"]],"a":[]}', 'CHM656'],
    ['a negative quantity', '{"e":"bookTicker","u":1,"s":"B","b":"1","B":"-1","a":"2","A":"1"}', 'CHM657'],
    [
      'a trade of nothing',
      '{"e":"trade","E":1700000000000,"T":1700000000000,"s":"B","t":1,"p":"1","q":"0.0","m":true}',
      'CHM657',
    ],
    [
      'an amount beyond 2^53',
      '{"e":"bookTicker","u":1,"s":"B","b":"9007199254740993","B":"1","a":"2","A":"1"}',
      'CHM658',
    ],
    ['an event time in 1970', '{"e":"trade","E":5,"T":1700000000000,"s":"B","t":1,"p":"1","q":"1","m":true}', 'CHM652'],
    [
      'a candle whose high is low',
      '{"e":"kline","E":1700000000000,"s":"B","k":{"t":1700000000000,"T":1700000059999,"s":"B","i":"1m","f":-1,"L":-1,"o":"2","c":"2","h":"1","l":"2","v":"0","n":0,"x":false,"q":"0","V":"0","Q":"0"}}',
      'CHM660',
    ],
  ])('hold %s: counted, listed and kept', (_what, frame, code) => {
    const { rows, refused } = decodeLines([at(frame)], 'scan');
    expect(refused).toMatchObject([{ file: 'x', line: 1, code }]);
    expect(rows).toHaveLength(1);
    expect((rows[0] as unknown[])[0]).toBe('dead_letter');
    expect((rows[0] as unknown[]).slice(4)).toEqual([
      'x',
      '1',
      code,
      (refused[0] as { message: string }).message,
      at(frame),
    ]);
  });
  it('keep 4 KiB of what was received', () => {
    const { rows } = decodeLines([at(`"${'y'.repeat(10_000)}`)], 'scan');
    expect(((rows[0] as unknown[])[8] as string).length).toBe(4096);
  });
  it('do not include empty lines, replies to subscriptions, other market events and connection lines', () => {
    const { rows, refused } = decodeLines(
      [
        '',
        '  ',
        at('{"result":null,"id":3}'),
        at('{"e":"24hrMiniTicker","s":"B"}'),
        'wss://fstream.binance.com/stream?streams=a@trade <-> 1626992740.179554',
        'configuration: {"a":1}',
      ],
      'scan',
    );
    expect([rows, refused]).toEqual([[], []]);
  });
});

describe('frames', () => {
  it('of a diff may be empty, remove levels, and carry more than two values a level', () => {
    const { rows, refused } = decodeLines(
      ['1723161253937 {"e":"depthUpdate","E":1723161253937,"s":"B","U":1,"u":2,"b":[["1.5","0.000",[]]],"a":[]}'],
      'scan',
    );
    expect(refused).toEqual([]);
    expect((rows[0] as unknown[]).slice(4)).toEqual(['1', '2', 'NaN', 'NaN', '1723161253937', ['1.5'], ['0'], [], []]);
  });
  it('of partial books are snapshots', () => {
    const usdm =
      '{"stream":"btcusdt@depth5@100ms","data":{"e":"depthUpdate","E":1723161253937,"T":1723161253937,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1","2"]],"a":[["2","2"]]}}';
    const spot = '{"stream":"ethusdt@depth20","data":{"lastUpdateId":9,"bids":[["1","2"]],"asks":[["2","2"]]}}';
    const { rows } = decodeLines([`1723161253937 ${usdm}`, `1723161253937 ${spot}`], 'scan');
    expect(rows.map((r) => (r as unknown[]).slice(0, 3))).toEqual([
      ['depth_snapshot', 1723161253937000, 'BTCUSDT 2'],
      ['depth_snapshot', 1723161253937000, 'ETHUSDT 1'],
    ]);
  });
  it('marked other than MARKET are off the market', () => {
    const trade = (x: string): string =>
      `1723161253937 {"e":"trade","E":1700000000000,"T":1700000000000,"s":"B","t":1,"p":"1","q":"1",${x}"m":true}`;
    const { rows } = decodeLines(
      [trade('"X":"MARKET",'), trade('"X":"INSURANCE_FUND",'), trade('"X":"NA",'), trade('')],
      'scan',
    );
    expect(rows.map((r) => (r as unknown[])[10])).toEqual(['1', '0', '0', '1']);
  });
});

it('tells the market of a URL', () => {
  expect(marketOfUrl('wss://fstream.binance.com/stream?streams=x')).toBe('usdm');
  expect(marketOfUrl('https://fapi.binance.com/fapi/v1/depth?symbol=X')).toBe('usdm');
  expect(marketOfUrl('wss://stream.binance.com:9443/stream')).toBe('spot');
  expect(marketOfUrl('https://api.binance.com/api/v3/depth?symbol=X')).toBe('spot');
  expect(marketOfUrl('http://127.0.0.1:1/fapi/v1/depth')).toBe('usdm');
  expect(marketOfUrl('wss://dstream.binance.com/ws')).toBeUndefined();
});
