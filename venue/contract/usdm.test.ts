import * as account from './account.contract.ts';
import { USDM_REFUSALS } from './error.contract.ts';
import * as order from './order-life.contract.ts';
import * as rest from './public-rest.contract.ts';
import { type Flow, ORDERS, PRICES, STREAMS, suite } from './testing/suite.ts';
import * as money from './usdm-account.contract.ts';
import * as usdm from './usdm-orders.contract.ts';
import { conditionalOnStream, userStreams, webSocketApi } from './user-streams.contract.ts';

/** From a flat position. */
const flat =
  (run: Flow[1]): Flow[1] =>
  async (s) => {
    await usdm.flatten(s);
    await run(s);
  };

suite(
  'usdm',
  [
    ['its wallet', account.balance],
    ['its markets, clock and state', rest.general],
    ...PRICES,
    ['its funding rates', rest.funding],
    ...STREAMS,
    ['leverage, margin type, position mode and tiers', money.settings],
    ...ORDERS,
    ['batches', usdm.batches],
    ['the end of all orders', order.cancelAll],
    ['the end of orders that are not kept alive', usdm.countdown],
    ['reduce-only', usdm.reduceOnly],
    ['what an order holds back', order.reserves],
    ['conditional orders', usdm.conditional],
    ['a conditional order that lives as long as the position', usdm.withPosition],
    ['a conditional order that is reached', usdm.triggered],
    ['positions', money.positions],
    ['the ledger', money.ledger],
    ['the user stream', flat(userStreams)],
    ['conditional orders on the user stream', conditionalOnStream],
    ['the websocket API', webSocketApi],
    ['transfers', flat(account.transfers)],
  ],
  USDM_REFUSALS,
);
