import { amount8 } from '../../core/spot/decimal.ts';
import { ApiError, type Route } from '../contract.ts';
import type { Desk } from './desk.ts';
import { commissionOf } from './order-routes.ts';

/** What clients ask of the wallet's endpoints beside trading. Deposits and withdrawals to the outside do not exist. */
export function walletRoutes(d: Desk): Route[] {
  const signed = { method: 'GET', security: 'signed' } as const;
  return [
    {
      ...signed,
      path: '/sapi/v1/asset/tradeFee',
      weight: 1,
      handle({ params }) {
        const { maker, taker } = commissionOf(d);
        const symbol = params.get('symbol');
        const markets = symbol === undefined || symbol === '' ? [...d.bySymbol.values()] : [d.market(params)];
        return markets.map((m) => ({ symbol: m.rules.symbol, makerCommission: maker, takerCommission: taker }));
      },
    },
    { ...signed, path: '/sapi/v1/capital/config/getall', weight: 10, handle: () => coins(d) },
    { ...signed, path: '/sapi/v1/account/status', weight: 1, handle: () => ({ data: 'Normal' }) },
    {
      ...signed,
      path: '/sapi/v1/account/apiTradingStatus',
      weight: 1,
      handle: () => ({
        data: {
          isLocked: false,
          plannedRecoverTime: 0,
          triggerCondition: { GCR: 150, IFER: 150, UFR: 300 },
          updateTime: 0,
        },
      }),
    },
    {
      ...signed,
      path: '/sapi/v1/account/apiRestrictions',
      weight: 1,
      handle: () => ({
        ipRestrict: false,
        createTime: 1_600_000_000_000,
        enableReading: true,
        enableWithdrawals: false,
        enableInternalTransfer: true,
        enableMargin: false,
        enableFutures: true,
        permitsUniversalTransfer: true,
        enableVanillaOptions: false,
        enableFixApiTrade: false,
        enableFixReadOnly: false,
        enableSpotAndMarginTrading: true,
        enablePortfolioMarginTrading: false,
      }),
    },
    {
      method: 'POST',
      path: '/sapi/v3/asset/getUserAsset',
      security: 'signed',
      weight: 5,
      handle: ({ params }) => userAssets(d, params.get('asset')),
    },
    // No margin trading: clients that ask at start-up hear that there are no pairs.
    { method: 'GET', path: '/sapi/v1/margin/allPairs', security: 'key', weight: 1, handle: () => [] },
    { method: 'GET', path: '/sapi/v1/margin/isolated/allPairs', security: 'key', weight: 1, handle: () => [] },
  ];
}

function coins(d: Desk): object[] {
  const a = d.x.assets;
  return a.names.map((coin, i) => ({
    coin,
    depositAllEnable: false,
    free: amount8(a.free[i]!),
    freeze: '0',
    ipoable: '0',
    ipoing: '0',
    isLegalMoney: false,
    locked: amount8(a.locked[i]!),
    name: coin,
    networkList: [],
    storage: '0',
    trading: true,
    withdrawAllEnable: false,
    withdrawing: '0',
  }));
}
function userAssets(d: Desk, asset: string | undefined): object[] {
  const a = d.x.assets;
  if (asset !== undefined && asset !== '' && !a.names.includes(asset))
    throw new ApiError(-1130, "Data sent for parameter 'asset' is not valid.");
  return a.names
    .map((name, i) => ({
      asset: name,
      free: amount8(a.free[i]!),
      locked: amount8(a.locked[i]!),
      freeze: '0',
      withdrawing: '0',
      ipoable: '0',
      btcValuation: '0',
    }))
    .filter((row, i) => (asset ? row.asset === asset : a.free[i] !== 0 || a.locked[i] !== 0));
}
