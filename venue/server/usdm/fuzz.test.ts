import { describe, expect, it } from 'vitest';
import { assertBalanced } from '../../core/ledger.ts';
import { ApiError } from '../contract.ts';
import { Params } from '../params.ts';
import { firstOrderId } from './ids.ts';
import { Bench } from './testing.ts';

const WORDS = [
  '',
  'BTCUSDT',
  'ETHUSDT',
  'BUY',
  'SELL',
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_MARKET',
  'TAKE_PROFIT',
  'TRAILING_STOP_MARKET',
  'GTC',
  'IOC',
  'FOK',
  'GTX',
  'GTD',
  'CONDITIONAL',
  'true',
  'false',
  'ISOLATED',
  'CROSSED',
  'ACK',
  'RESULT',
  'BOTH',
  'NONE',
  'QUEUE',
  'OPPONENT_5',
  'MARK_PRICE',
].concat([
  '0',
  '1',
  '2',
  '5',
  '0.001',
  '0.01',
  '0.5',
  '1000',
  '64000',
  '65000.1',
  '-1',
  '1e9',
  '99999999999999999999',
  '9007199254740991',
  '0.0000000001',
  'NaN',
  'Infinity',
  '__proto__',
  'constructor',
  '[]',
  '[1,2]',
  '[{}]',
  '["a"]',
  '{',
  'null',
  '１２',
  '../../etc',
  "';--",
  'x'.repeat(500),
]);
const NAMES =
  'symbol side type timeInForce quantity price stopPrice triggerPrice activatePrice callbackRate algoType reduceOnly closePosition workingType priceProtect newClientOrderId clientAlgoId origClientOrderId orderId algoId newOrderRespType selfTradePreventionMode priceMatch goodTillDate positionSide batchOrders orderIdList origClientOrderIdList countdownTime leverage marginType amount dualSidePosition multiAssetsMargin feeBurn incomeType autoCloseType startTime endTime fromId limit page'.split(
    ' ',
  );
/** What a sensible request has: with these left as they are now and then, calls get past the first check. */
const GOOD: Record<string, string> = {
  symbol: 'BTCUSDT',
  side: 'BUY',
  type: 'LIMIT',
  timeInForce: 'GTC',
  quantity: '0.01',
  price: '64000',
  algoType: 'CONDITIONAL',
  triggerPrice: '66000',
  orderId: String(firstOrderId(0)),
};

describe('any parameters', () => {
  it('are answered with JSON or an error of the exchange, and leave a consistent account', () => {
    const b = new Bench({ deposit: 1_000_000e8 })
      .book([[64999.9, 5]], [[65000, 5]])
      .trade('buy', 65000, 0.01)
      .mark(65000);
    let state = 4711;
    const below = (n: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % n;
    };
    let answered = 0;
    const codes = new Map<number, number>();
    for (let n = 0; n < 60_000; n++) {
      const route = b.engine.routes[below(b.engine.routes.length)]!;
      const values: Record<string, string> = {};
      for (const [k, v] of Object.entries(GOOD)) if (below(8) !== 0) values[k] = v;
      for (let k = below(5); k > 0; k--) values[NAMES[below(NAMES.length)]!] = WORDS[below(WORDS.length)]!;
      try {
        const call = { params: new Params(values), wallMs: b.wallMs, marketUs: b.nowUs };
        if (typeof route.weight === 'function') expect(route.weight(call.params)).toBeGreaterThan(0);
        if (typeof route.orders === 'function') expect(route.orders(call.params)).toBeGreaterThan(0);
        expect(JSON.stringify(route.handle(call)).length).toBeGreaterThan(1);
        answered++;
      } catch (e) {
        if (!(e instanceof ApiError))
          throw new Error(`${route.method} ${route.path} ${JSON.stringify(values)}: ${String((e as Error).stack)}`);
        expect(e.code).toBeLessThan(-1000);
        codes.set(e.code, (codes.get(e.code) ?? 0) + 1);
      }
      if (n % 50 === 0)
        b.book([[64999.9 - below(50), 5]], [[65000 + below(50), 5]]).trade('sell', 64990 - below(20), 1);
    }
    expect(answered).toBeGreaterThan(3000);
    expect(codes.size).toBeGreaterThan(20);
    assertBalanced(b.engine.exchange.ledger);
  }, 30_000);
});
