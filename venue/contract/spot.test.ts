import * as account from './account.contract.ts';
import { SPOT_REFUSALS } from './error.contract.ts';
import * as order from './order-life.contract.ts';
import * as rest from './public-rest.contract.ts';
import * as spot from './spot-orders.contract.ts';
import { ORDERS, PRICES, STREAMS, suite } from './testing/suite.ts';
import { userStreams, webSocketApi } from './user-streams.contract.ts';

suite(
  'spot',
  [
    ['its wallet', account.balance],
    ['its markets, clock and state', rest.general],
    ['its currencies', rest.currencies],
    ...PRICES,
    ...STREAMS,
    ...ORDERS,
    ['the end of all orders', order.cancelAll],
    ['what an order holds back', order.reserves],
    ['balances that follow fills', spot.balances],
    ['market orders by their cost', spot.byCost],
    ['stops and take-profits', spot.conditional],
    ['order lists', spot.lists],
    ['the user stream', userStreams],
    ['the websocket API', webSocketApi],
    ['transfers', account.transfers],
  ],
  SPOT_REFUSALS,
);
