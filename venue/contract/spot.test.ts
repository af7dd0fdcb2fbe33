import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as account from './account.contract.ts';
import { REFUSALS, SPOT_REFUSALS } from './error.contract.ts';
import * as limits from './limits.contract.ts';
import * as order from './order-life.contract.ts';
import * as rest from './public-rest.contract.ts';
import { farewell, streams } from './public-streams.contract.ts';
import * as spot from './spot-orders.contract.ts';
import { openSession, type Session } from './testing/session.ts';
import { userStreams, webSocketApi } from './user-streams.contract.ts';

const LEAST = 60;
/** Start-up line of another venue to hold to the contract; absent: one is started. */
const readyFile = process.env['CHIMERA_CONTRACT_READY'];
let s: Session;
beforeAll(async () => {
  s = await openSession('spot', readyFile);
});
afterAll(() => s?.close());

const flow = (title: string, run: (s: Session) => Promise<void>) =>
  it(title, () => s.contract.flow(title, () => run(s)));

describe('an unmodified ccxt finds Binance Spot in the venue', () => {
  flow('its wallet', account.balance);
  flow('its markets, clock and state', rest.general);
  flow('its currencies', rest.currencies);
  flow('its tickers', rest.tickers);
  flow('its books', rest.books);
  flow('its trades', rest.trades);
  flow('its candles', rest.candles);
  flow('its streams', streams);
  flow('the end of its streams', farewell);
  flow('an order that rests, is found and is cancelled', order.farLimit);
  flow('an order that is filled by the market', order.marketableLimit);
  flow('market orders', order.marketOrders);
  flow('post-only', order.postOnly);
  flow('IOC and FOK', order.immediate);
  flow('client ids', order.clientIds);
  flow('changes of an order', order.edit);
  flow('the end of all orders', order.cancelAll);
  flow('what an order holds back', order.reserves);
  flow('balances that follow fills', spot.balances);
  flow('market orders by their cost', spot.byCost);
  flow('stops and take-profits', spot.conditional);
  flow('order lists', spot.lists);
  flow('the user stream', userStreams);
  flow('the websocket API', webSocketApi);
  flow('transfers', account.transfers);
  flow('errors of each class', (x) => limits.refusals(x, [...REFUSALS, ...SPOT_REFUSALS]));
  flow('counters of its limits', limits.counters);
  // The address of who floods an exchange is refused: not done to one that others use.
  if (readyFile === undefined) flow('limits', limits.flood);

  it(`and at least ${LEAST} different statements of it hold, and none is broken`, () => {
    const { held, different, broken } = s.contract;
    console.info(`Spot: ${different} different statements hold in ${held} places, ${broken.size} are broken`);
    expect([...broken.keys()]).toEqual([]);
    expect(different).toBeGreaterThanOrEqual(LEAST);
  });
});
