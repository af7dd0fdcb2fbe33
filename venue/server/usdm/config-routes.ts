import { notionalCap } from '../../core/tiers.ts';
import { changeMargin, setLeverage, setMarginType } from '../../core/usdm-account.ts';
import { type ApiCall, ApiError, type Route } from '../contract.ts';
import { decimal, money, parse } from './decimal.ts';
import type { Desk } from './desk.ts';
import { refused, type UsdmEngine } from './engine.ts';
import { leverageChange, marginTypeChange } from './events.ts';
import { sent } from './order-params.ts';
import { adlQuantile, viewOf } from './position.ts';

/** Settings of the account and its symbols, and the rates and tiers that hold for it. */
export function configRoutes(e: UsdmEngine): Route[] {
  const route = (method: Route['method'], path: string, weight: number, handle: (c: ApiCall) => unknown): Route => ({
    method,
    path: `/fapi/v1/${path}`,
    security: 'signed',
    weight,
    handle: (c) => {
      e.advance(c.marketUs);
      return handle(c);
    },
  });
  const desks = (c: ApiCall): Desk[] => (sent(c.params, 'symbol') ? [e.desk(c)] : [...e.desks]);
  const done = { code: 200, msg: 'success' };
  return [
    route('POST', 'leverage', 1, (c) => changeLeverage(e, c)),
    route('POST', 'marginType', 1, (c) => {
      changeMarginType(e, c);
      return done;
    }),
    route('POST', 'positionMargin', 1, (c) => positionMargin(e, c)),
    route('GET', 'positionMargin/history', 1, (c) => marginHistory(e, c)),
    route('GET', 'positionSide/dual', 30, () => ({ dualSidePosition: false })),
    route('POST', 'positionSide/dual', 1, (c) => {
      c.params.text('dualSidePosition');
      if (c.params.bool('dualSidePosition') === false) throw new ApiError(-4059, 'No need to change position side.');
      throw new ApiError(-4084, 'Method is not allowed currently. Upcoming soon.');
    }),
    route('GET', 'multiAssetsMargin', 30, () => ({ multiAssetsMargin: false })),
    route('POST', 'multiAssetsMargin', 1, (c) => {
      c.params.text('multiAssetsMargin');
      if (c.params.bool('multiAssetsMargin') === false)
        throw new ApiError(-4171, 'No need to change multi assets mode.');
      throw new ApiError(-4084, 'Method is not allowed currently. Upcoming soon.');
    }),
    route('GET', 'feeBurn', 30, () => ({ feeBurn: e.feeBurn })),
    route('POST', 'feeBurn', 1, (c) => {
      c.params.text('feeBurn');
      // Fees stay in USDT: the wallet holds no BNB, so that the flag changes nothing.
      e.feeBurn = c.params.bool('feeBurn') === true;
      return done;
    }),
    route('GET', 'leverageBracket', 1, (c) => (sent(c.params, 'symbol') ? brackets(e.desk(c)) : e.desks.map(brackets))),
    route('GET', 'symbolConfig', 5, (c) => desks(c).map(symbolConfig)),
    route('GET', 'accountConfig', 5, () => ({
      feeTier: 0,
      canTrade: true,
      canDeposit: true,
      canWithdraw: true,
      dualSidePosition: false,
      updateTime: 0,
      multiAssetsMargin: false,
      tradeGroupId: -1,
    })),
    route('GET', 'commissionRate', 20, (c) => ({
      symbol: e.desk(c).symbol,
      makerCommissionRate: decimal(e.exchange.rules.maker, 8).replace(/0{2,4}$/, ''),
      takerCommissionRate: decimal(e.exchange.rules.taker, 8).replace(/0{2,4}$/, ''),
      rpiCommissionRate: '0.0000',
    })),
    route('GET', 'adlQuantile', 5, (c) => {
      const row = (d: Desk): object => ({
        symbol: d.symbol,
        adlQuantile: { LONG: 0, SHORT: 0, BOTH: adlQuantile(viewOf(e.exchange, d)) },
      });
      if (sent(c.params, 'symbol')) return row(e.desk(c));
      return e.desks.filter((d) => d.market.position.qty !== 0).map(row);
    }),
    route('GET', 'rateLimit/order', 1, () => [
      { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 300 },
      { rateLimitType: 'ORDERS', interval: 'MINUTE', intervalNum: 1, limit: 1200 },
    ]),
    route('GET', 'apiTradingStatus', 1, () => ({ indicators: {}, updateTime: e.updateMs })),
  ];
}

function changeLeverage(e: UsdmEngine, c: ApiCall): object {
  const d = e.desk(c);
  c.params.text('leverage');
  const leverage = c.params.int('leverage') ?? 0;
  const why = setLeverage(e.exchange, d.market, leverage);
  if (why === 'badLeverage') throw new ApiError(-4028, `Leverage ${leverage} is not valid`);
  if (why) throw refused(why);
  e.emit(leverageChange(d, e.nowMs));
  return {
    leverage,
    maxNotionalValue: String(Math.floor(notionalCap(d.instrument.tiers, leverage) / 1e8)),
    symbol: d.symbol,
  };
}

function changeMarginType(e: UsdmEngine, c: ApiCall): void {
  const d = e.desk(c);
  const type = c.params.text('marginType').toUpperCase();
  if (type !== 'ISOLATED' && type !== 'CROSSED' && type !== 'CROSS')
    throw new ApiError(-1130, "Data sent for parameter 'marginType' is not valid.");
  const why = setMarginType(d.market, type !== 'ISOLATED');
  if (why) throw refused(why);
  e.emit(marginTypeChange(e.exchange, d, e.nowMs));
}

function positionMargin(e: UsdmEngine, c: ApiCall): object {
  const d = e.desk(c);
  const amount = parse('amount', c.params.text('amount'), 8);
  c.params.text('type');
  const type = c.params.int('type', 1, 2) === 2 ? 2 : 1;
  if (amount <= 0) throw refused('amountPositive');
  const why = changeMargin(e.exchange, d.market, type === 1 ? amount : -amount, e.nowUs);
  if (why) throw refused(why);
  d.marginChanges.push({ amount, timeMs: e.nowMs, type });
  e.drain();
  return {
    code: 200,
    msg: 'Successfully modify position margin.',
    amount: Number(money(amount)),
    type,
  };
}
function marginHistory(e: UsdmEngine, c: ApiCall): object[] {
  const d = e.desk(c);
  const type = c.params.int('type', 1, 2);
  const [start, end] = [c.params.int('startTime') ?? 0, c.params.int('endTime') ?? Number.POSITIVE_INFINITY];
  return d.marginChanges
    .filter((h) => (type === undefined || h.type === type) && h.timeMs >= start && h.timeMs <= end)
    .slice(-(c.params.int('limit', 1) ?? 500))
    .map((h) => ({
      symbol: d.symbol,
      type: h.type,
      deltaType: 'USER_ADJUST',
      amount: money(h.amount),
      asset: 'USDT',
      time: h.timeMs,
      positionSide: 'BOTH',
    }));
}

function brackets(d: Desk): object {
  const { tiers } = d.instrument;
  return {
    symbol: d.symbol,
    notionalCoef: 1,
    brackets: tiers.map((t, n) => ({
      bracket: n + 1,
      initialLeverage: t.maxLeverage,
      notionalCap: (tiers[n + 1]?.floor ?? notionalCap(tiers, 1)) / 1e8,
      notionalFloor: t.floor / 1e8,
      maintMarginRatio: t.mmr / 1e8,
      cum: t.cum / 1e8,
    })),
  };
}
function symbolConfig(d: Desk): object {
  return {
    symbol: d.symbol,
    marginType: d.market.cross ? 'CROSSED' : 'ISOLATED',
    isAutoAddMargin: 'false',
    leverage: d.instrument.leverage,
    maxNotionalValue: String(Math.floor(notionalCap(d.instrument.tiers, d.instrument.leverage) / 1e8)),
  };
}
