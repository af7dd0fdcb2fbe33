import type { MarketName, Route } from '../contract.ts';
import type { Limits } from './limits.ts';
import type { ListenKeys } from './listen-keys.ts';

const PREFIX = { usdm: '/fapi/v1', spot: '/api/v3' } as const;

export const pingRoute = (market: MarketName): Route => ({
  method: 'GET',
  path: `${PREFIX[market]}/ping`,
  security: 'none',
  weight: 1,
  ws: 'ping',
  handle: () => ({}),
});

export const systemStatusRoute: Route = {
  method: 'GET',
  path: '/sapi/v1/system/status',
  security: 'none',
  weight: 1,
  handle: () => ({ status: 0, msg: 'normal' }),
};

/** How many orders count on the limits now. */
export const orderCountRoute = (market: MarketName, limits: Limits): Route => ({
  method: 'GET',
  path: `${PREFIX[market]}/rateLimit/order`,
  security: 'signed',
  weight: market === 'spot' ? 40 : 1,
  ws: 'account.rateLimits.orders',
  handle: ({ wallMs }) => limits.orderRows(wallMs),
});

/** USD-M only: Spot has none any more. Weights of the exchange's documentation. */
export function listenKeyRoutes(keys: ListenKeys): Route[] {
  const path = '/fapi/v1/listenKey';
  return [
    {
      method: 'POST',
      path,
      security: 'key',
      weight: 1,
      ws: 'userDataStream.start',
      handle: ({ wallMs }) => ({ listenKey: keys.open(wallMs) }),
    },
    {
      method: 'PUT',
      path,
      security: 'key',
      weight: 1,
      ws: 'userDataStream.ping',
      handle: ({ wallMs }) => ({ listenKey: keys.renew(wallMs) }),
    },
    {
      method: 'DELETE',
      path,
      security: 'key',
      weight: 1,
      ws: 'userDataStream.stop',
      handle: () => {
        keys.close();
        return {};
      },
    },
  ];
}
