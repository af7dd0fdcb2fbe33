import type { KeyInfo } from '../../../graph/schema/index.ts';
import { attachLive } from '../../core/liquidity.ts';
import { dropLive } from '../../core/live.ts';
import { rateE8, ten } from '../../core/money.ts';
import { marketAt, onBest, onFillLive, onLadder, onTrade, transfer } from '../../core/spot/exchange.ts';
import {
  createSpotExchange,
  listSpot,
  type SpotExchange,
  type SpotMarket,
  type SpotRules,
  spotRules,
} from '../../core/spot/state.ts';
import { type AccountEngine, ApiError, type Listed, type MarketListener } from '../contract.ts';
import { accountRoutes } from './account-routes.ts';
import { scaledText } from './decimal.ts';
import { Desk } from './desk.ts';
import { Flight } from './flight.ts';
import { listRoutes } from './list-routes.ts';
import type { SpotOptions } from './options.ts';
import { orderRoutes } from './order-routes.ts';
import { walletRoutes } from './wallet-routes.ts';

export type { SpotOptions } from './options.ts';

/** Binance's default for BTCUSDT; `maxNotional` of NOTIONAL. */
const MAX_NOTIONAL = 9_000_000 * 1e8;
const LEVELS = 1000;

/** A Spot account that trades on the played market: matching, balances and every private route. */
export function createSpotEngine(o: SpotOptions): AccountEngine {
  const { makerRate = 0.001, takerRate = 0.001, levels = LEVELS, balances = { USDT: 10_000 * 1e8 } } = o;
  const x = createSpotExchange(spotRules(rateE8(makerRate), rateE8(takerRate), levels));
  const markets = o.listed.filter((l) => l.market === 'spot').map((l) => listSpot(x, l.key, rulesOf(l)));
  for (const [asset, amount] of Object.entries(balances)) transfer(x, asset, amount, o.startUs ?? 0);
  x.events.length = 0;

  const flight = new Flight(o.orderLatencyUs ?? 0, o.responseLatencyUs ?? 0);
  const engine: AccountEngine = {
    market: 'spot',
    listener: listener(x, (nowUs) => desk.flush(nowUs)),
    routes: [],
    nextUs: () => flight.nextUs(),
    advance: (marketUs) => flight.advance(marketUs),
    onUserEvent: () => {},
    withdraw(asset, amount, marketUs) {
      const now = Math.max(marketUs, x.now);
      if (!transfer(x, asset, -amount, now)) throw new ApiError(-5013, 'Asset transfer failed: insufficient balance');
      desk.flush(now);
    },
    deposit(asset, amount, marketUs) {
      const now = Math.max(marketUs, x.now);
      transfer(x, asset, amount, now);
      desk.flush(now);
    },
  };
  const desk = new Desk(x, markets, flight, (events) => {
    for (const e of events) engine.onUserEvent(e);
  });
  for (const m of markets) goLive(o, x, m, (nowUs) => desk.flush(nowUs));
  const routes = [...orderRoutes(desk), ...listRoutes(desk), ...accountRoutes(desk), ...walletRoutes(desk)];
  return Object.assign(engine, { routes });
}

/** Limits are cut to what amounts of 10^-8 can be held exactly. */
function rulesOf(l: Listed): SpotRules {
  const { pxDigits, qtyDigits } = l.key;
  const px = (text: string): number => scaledText(text, pxDigits);
  const qty = (text: string): number => scaledText(text, qtyDigits);
  const most = Math.floor(Number.MAX_SAFE_INTEGER / 4 / ten(8 - qtyDigits));
  return {
    base: l.base,
    quote: l.quote,
    symbol: l.symbol,
    tick: px(l.tick),
    step: qty(l.step),
    minQty: qty(l.minQty),
    maxQty: Math.min(qty(l.maxQty) || most, most),
    minPx: px(l.minPx),
    maxPx: px(l.maxPx),
    minNotional: scaledText(l.minNotional, 8),
    maxNotional: MAX_NOTIONAL,
  };
}

/** Lets the account trade in the book of a simulated market, where there is one. */
function goLive(o: SpotOptions, x: SpotExchange, m: SpotMarket, flush: (nowUs: number) => void): void {
  const key = o.listed.find((l) => l.key.index === m.instrument.key)!.key;
  const book = o.live?.(key, {
    nowUs: () => x.now,
    onFill(id, px, qty, nowUs) {
      const now = Math.max(nowUs, x.now);
      onFillLive(x, m, id, px, qty, now);
      flush(now);
    },
    onLost: (id) => dropLive(m, id),
  });
  if (book) attachLive(m, book);
}

function listener(x: SpotExchange, flush: (nowUs: number) => void): MarketListener {
  const at = (key: KeyInfo): SpotMarket | undefined => marketAt(x, key);
  return {
    onTrade(key, px, qty, taker, nowUs) {
      const m = at(key);
      if (!m) return;
      onTrade(x, m, px, qty, taker, nowUs);
      flush(nowUs);
    },
    onLadder(key, ladder, nowUs) {
      const m = at(key);
      if (!m) return;
      onLadder(x, m, ladder, nowUs);
      flush(nowUs);
    },
    onBest(key, best, nowUs) {
      const m = at(key);
      if (!m) return;
      onBest(x, m, best, nowUs);
      flush(nowUs);
    },
    // Spot has no mark price.
    onMark() {},
  };
}
