import { describe, expect, it } from 'vitest';
import type { Env } from '../../graph/node.ts';
import { KeyTable } from '../../graph/schema/index.ts';
import { binanceAccess } from './access.ts';
import { decimalsOf, digitsOf } from './instruments.ts';
import { MarketConfig, notLive, wantedKinds, wantedPorts } from './market-config.ts';
import { reasonOf, redact } from './redact.ts';

const env = (access?: unknown): Env => ({
  keys: new KeyTable(),
  inputs: [],
  dir: undefined,
  pipeline: 'p',
  node: 'market',
  seed: 1,
  ...(access === undefined ? {} : { access: { binance: access } }),
});
const usdm = { rest: 'http://127.0.0.1:1', ws: 'ws://127.0.0.1:1/ws' };

describe('access to Binance', () => {
  it('is refused with a code when it is absent, malformed or without the market', () => {
    for (const given of [
      undefined,
      {},
      { kind: 'local' },
      { kind: 'local', usdm: { rest: 'nowhere', ws: 'ws://127.0.0.1:1/ws' } },
      { kind: 'local', usdm: { ...usdm, ws: 'ws://127.0.0.1:1/stream/ws' } },
      { kind: 'local', spot: { rest: 'http://127.0.0.1:1', ws: 'ws://127.0.0.1:1/ws' } },
    ])
      expect(() => binanceAccess(env(given), 'usdm'), JSON.stringify(given)).toThrow(
        expect.objectContaining({ code: 'CHM930' }),
      );
    expect(binanceAccess(env({ kind: 'local', usdm }), 'usdm').usdm).toEqual(usdm);
    expect(binanceAccess(env({ kind: 'live' }), 'spot').kind).toBe('live');
  });

  it('never quotes a secret in its error', () => {
    const secret = 'very-secret-value';
    try {
      binanceAccess(env({ kind: 'lively', secret, apiKey: secret, extra: secret }), 'usdm');
      expect.unreachable();
    } catch (e) {
      expect(String(e) + JSON.stringify(e)).not.toContain(secret);
    }
  });
});

describe('masking', () => {
  it('hides signatures, keys and listen keys wherever they stand', () => {
    const text = [
      'GET https://fapi.binance.com/fapi/v3/account?timestamp=1&recvWindow=10000&signature=0123abcdef timed out',
      '{"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}',
      'wss://fstream.binance.com/private/ws?listenKey=abcdefgh',
      'wss://fstream.binance.com/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1',
      "{ 'X-MBX-APIKEY': 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A' }",
    ].join('\n');
    const seen = redact(text, ['hunter2hunter2']);
    for (const hidden of ['0123abcdef', 'pqia91ma', 'abcdefgh', 'vmPUZE6m']) expect(seen).not.toContain(hidden);
    expect(seen).toContain('timestamp=1');
    expect(redact('my hunter2hunter2!', ['hunter2hunter2'])).toBe('my ***!');
    expect(reasonOf(new TypeError('x'.repeat(1000))).length).toBeLessThan(320);
  });
});

describe('the decimals of an instrument', () => {
  it('come from tick and step, and on USD-M from the price precision too', () => {
    expect(['0.10', '0.00100000', '1', '1.00', '0.00000001'].map(decimalsOf)).toEqual([1, 3, 0, 0, 8]);
    const filters = [
      { filterType: 'PRICE_FILTER', tickSize: '0.10' },
      { filterType: 'LOT_SIZE', stepSize: '0.001' },
      { filterType: 'MARKET_LOT_SIZE', stepSize: '0.00000000' },
    ];
    expect(digitsOf({ symbol: 'X', filters })).toEqual({ px: 1, qty: 3 });
    expect(digitsOf({ symbol: 'X', filters, pricePrecision: 2 })).toEqual({ px: 2, qty: 3 });
  });
});

describe('the streams of a market', () => {
  const of = (config: object) => MarketConfig.parse({ symbols: ['BTCUSDT'], ...config });
  it('are all that it has by default', () => {
    expect(wantedKinds(wantedPorts(of({})))).toEqual([
      'trade',
      'depth',
      'book_ticker',
      'mark_price',
      'kline',
      'liquidation',
    ]);
    expect(wantedKinds(wantedPorts(of({ market: 'spot' })))).toEqual(['trade', 'depth', 'book_ticker', 'kline']);
  });
  it('are those asked for; funding needs the mark price stream, a book its snapshots', () => {
    expect(wantedKinds(wantedPorts(of({ streams: ['funding_rate'] })))).toEqual(['mark_price']);
    expect(wantedPorts(of({ streams: ['depth_snapshot'] })).has('depth')).toBe(true);
    expect(notLive(of({ streams: ['trade', 'candle'] }))).toEqual(['candle']);
    expect(notLive(of({ market: 'spot', streams: ['mark_price'] }))).toEqual(['mark_price']);
  });
});
