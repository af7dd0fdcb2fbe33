import { afterEach, describe, expect, it } from 'vitest';
import type { BinanceAccess } from './access.ts';
import { createClient } from './client.ts';
import { reasonOf } from './redact.ts';
import { ScriptedExchange } from './testing/scripted-exchange.ts';

const LOCAL: BinanceAccess = {
  kind: 'local',
  usdm: { rest: 'http://127.0.0.1:8001', ws: 'ws://127.0.0.1:8001/ws' },
  spot: { rest: 'http://127.0.0.1:8002', ws: 'ws://127.0.0.1:8002/stream/ws' },
  apiKey: 'key-of-the-test',
  secret: 'secret-of-the-test',
};
function* texts(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) for (const v of Object.values(value)) yield* texts(v);
}

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const o of open.splice(0).reverse()) await o.close();
});
async function against(market: 'usdm' | 'spot') {
  const e = await ScriptedExchange.start(market);
  const ex = await createClient(market, e.access);
  open.push(e, ex);
  return { e, ex };
}

describe('a ccxt client', () => {
  it.each(['usdm', 'spot'] as const)('of a local %s venue knows no address that is not local', async (market) => {
    const ex = await createClient(market, LOCAL);
    open.push(ex);
    const urls = ex.urls as unknown as Record<string, unknown>;
    const all = ['api', 'test', 'demo'].flatMap((table) => [...texts(urls[table])]);
    expect(all.length).toBeGreaterThan(50);
    expect(all.filter((u) => !/^(https?|wss?):\/\/127\.0\.0\.1:800[12]\//.test(u))).toEqual([]);
  });

  it('keeps the exchange’s own paths behind a local address', async () => {
    const usdm = await createClient('usdm', LOCAL);
    const spot = await createClient('spot', LOCAL);
    open.push(usdm, spot);
    expect((usdm.urls as { api: unknown }).api).toMatchObject({
      fapiPrivateV3: 'http://127.0.0.1:8001/fapi/v3',
      fapiData: 'http://127.0.0.1:8001/futures/data',
      sapi: 'http://127.0.0.1:8002/sapi/v1',
      ws: { future: 'ws://127.0.0.1:8001/ws', 'ws-api': { future: 'ws://127.0.0.1:8001/ws-fapi/v1' } },
    });
    expect((spot.urls as { api: unknown }).api).toMatchObject({
      private: 'http://127.0.0.1:8002/api/v3',
      ws: { spot: 'ws://127.0.0.1:8002/stream/ws', 'ws-api': { spot: 'ws://127.0.0.1:8002/ws-api/v3' } },
    });
  });

  it('of the real exchange and of its test places keeps their addresses', async () => {
    const at = async (market: 'usdm' | 'spot', kind: 'live' | 'testnet'): Promise<string> => {
      const ex = await createClient(market, { kind });
      open.push(ex);
      return (ex.urls as unknown as { api: Record<string, string> }).api[
        market === 'usdm' ? 'fapiPrivate' : 'private'
      ]!;
    };
    expect(await at('usdm', 'live')).toBe('https://fapi.binance.com/fapi/v1');
    expect(await at('spot', 'live')).toBe('https://api.binance.com/api/v3');
    expect(await at('usdm', 'testnet')).toBe('https://demo-fapi.binance.com/fapi/v1');
    expect(await at('spot', 'testnet')).toBe('https://testnet.binance.vision/api/v3');
  });

  it.each([
    ['usdm', -2019, 'InsufficientFunds'],
    ['usdm', -2021, 'OrderImmediatelyFillable'],
    ['usdm', -4116, 'InvalidOrder'],
    ['usdm', -2022, 'InvalidOrder'],
    ['usdm', -4164, 'InvalidOrder'],
    ['usdm', -1008, 'OperationFailed'],
    ['spot', -1008, 'OperationFailed'],
    ['spot', -1021, 'InvalidNonce'],
  ] as const)('of %s throws for %i what it would throw at the exchange: %s', async (market, code, name) => {
    const { e, ex } = await against(market);
    e.rest.push({ path: '/order', status: 400, body: { code, msg: 'refused' }, times: 1 });
    const symbol = market === 'usdm' ? 'BTC/USDT:USDT' : 'BTC/USDT';
    const thrown = await ex.createOrder(symbol, 'limit', 'buy', 1, 60_000).catch((error: Error) => error);
    expect((thrown as Error).constructor.name).toBe(name);
  });

  it.each(['usdm', 'spot'] as const)('of %s watches over a plain websocket by itself', async (market) => {
    const { e, ex } = await against(market);
    const symbol = market === 'usdm' ? 'BTC/USDT:USDT' : 'BTC/USDT';
    const watched = ex.watchTrades(symbol);
    await e.subscribed('@trade');
    e.raw('@trade', ...e.makeTrades(1));
    expect((await watched)[0]).toMatchObject({ symbol, id: '5000000' });
  });

  it('may throw a signed address, which is masked before anyone sees it', async () => {
    const { e, ex } = await against('usdm');
    await ex.loadMarkets();
    await e.close();
    const thrown = (await ex.fetchBalance().catch((error: unknown) => error)) as Error;
    expect(thrown.message).toContain('signature=');
    const seen = reasonOf(thrown, ['test-key-1', 'test-secret-1']);
    expect(seen).toContain('signature=***');
    expect(seen).not.toContain(/signature=([0-9a-f]+)/.exec(thrown.message)![1]!);
    open.shift();
  });

  it('of a local venue without an address for the market is refused', async () => {
    await expect(createClient('spot', { kind: 'local', usdm: LOCAL.usdm! })).rejects.toMatchObject({ code: 'CHM930' });
  });
});
