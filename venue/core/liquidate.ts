import { settle, takeLiquidity } from './fill.ts';
import { valueAt } from './instrument.ts';
import { ACCOUNT, balance, FIRST_ISOLATED, post } from './ledger.ts';
import { maintenanceOf, marginBehind, positionValue } from './margin.ts';
import { ceilDiv, exact, floorDiv, MONEY, mulDiv, mulDiv3, times } from './money.ts';
import { cancelAll } from './place.ts';
import { applyFill, coverDeficit, unrealised } from './position.ts';
import { tell, tellAccount, tellTrade } from './report.ts';
import type { Exchange, Market, Order } from './state.ts';
import { bankruptcyPrice, mustLiquidate, tierOf } from './tiers.ts';

/** Liquidates the position when margin and unrealised profit no longer exceed the maintenance margin at the mark price. */
export function checkLiquidation(x: Exchange, m: Market, now: number): void {
  const { position: p, instrument: i } = m;
  if (p.qty === 0 || i.leverage === 0 || (m.mark > m.guardLow && m.mark < m.guardHigh)) return;
  if (m.cross) {
    checkCross(x, now);
    return;
  }
  const iso = FIRST_ISOLATED + m.slot;
  while (mustLiquidate(i.tiers, p.qty, i.qtyScale, p.cost, balance(x.ledger, iso), m.mark)) liquidate(x, m, now);
}

/** Cross positions stand and fall together: the one with the largest loss goes first, until the rest is covered. */
function checkCross(x: Exchange, now: number): void {
  for (;;) {
    let equity = balance(x.ledger, ACCOUNT.wallet);
    let needed = 0;
    let worst: Market | null = null;
    let loss = Number.POSITIVE_INFINITY;
    for (const k of x.live) {
      const m = x.markets[k]!;
      if (!m.cross || m.position.qty === 0) continue;
      const profit = unrealised(m.instrument, m.position, m.mark);
      equity += profit;
      needed += maintenanceOf(m);
      if (profit < loss) [worst, loss] = [m, profit];
    }
    if (!worst || equity > needed) return;
    liquidate(x, worst, now);
    settle(x, worst);
    x.touched = true;
  }
}

/** An order of the venue itself that closes the position. */
function closingOrder(m: Market, type: 'liquidation' | 'adl', clientId: string, px: number, size: number): Order {
  const side = m.position.qty > 0 ? -1 : 1;
  return {
    clientId,
    orderId: m.nextOrderId++,
    algoId: 0,
    side,
    type,
    tif: 'ioc',
    px,
    stopPx: Number.NaN,
    working: 'mark',
    qty: size,
    quote: 0,
    cum: 0,
    cumQuote: 0,
    reduceOnly: true,
    closePosition: false,
    protect: false,
    stp: 'off',
    goodTillMs: 0,
    activationPx: Number.NaN,
    callback: 0,
    extreme: 0,
    triggered: false,
    amendments: 0,
    ahead: 0,
    liveId: -1,
    reservePx: 0,
    locked: 0,
    list: 0,
    status: 'new',
  };
}

/** How much is to be closed at once: in tier by tier what brings the notional below the tier that it is in, else all. */
function partOf(x: Exchange, m: Market): number {
  const { position: p, instrument: i } = m;
  const size = Math.abs(p.qty);
  const { floor } = tierOf(i.tiers, positionValue(m));
  if (x.rules.partialLiquidation !== true || floor === 0 || m.mark === 0) return size;
  const below = mulDiv(floor - 1, i.qtyScale, m.mark);
  const left = below - (below % i.step) - i.step;
  return left > 0 && left < size ? size - left : size;
}

/**
 * Cancels the instrument's orders, sells into the recorded book down to the bankruptcy price, leaves the rest to the
 * insurance fund at that price, and pays the liquidation fee from what margin remains (of an isolated position never from
 * the free balance). `whole`: even where a part would do.
 */
export function liquidate(x: Exchange, m: Market, now: number, whole = false): void {
  const { position: p, instrument: i } = m;
  const l = x.ledger;
  cancelAll(x, m, now, 'liquidation');
  const behind = marginBehind(x, m, false);
  // Funding may have taken more than an isolated margin; others' losses take no cross margin below nothing.
  const bankrupt = bankruptcyPrice(p.qty, i.qtyScale, p.cost, m.cross ? Math.max(0, behind) : behind);
  const all = Math.abs(p.qty);
  let size = whole ? all : partOf(x, m);
  const free = m.cross ? 0 : balance(l, ACCOUNT.wallet);
  const px = Math.max(1, p.qty > 0 ? ceilDiv(bankrupt, i.pxMoney) : floorDiv(bankrupt, i.pxMoney));
  const o = closingOrder(m, 'liquidation', `autoclose-${Math.floor(now / 1000)}`, px, size);
  x.touched = true;
  tell(x, m, o, 'new', now);
  takeLiquidity(x, m, o, o.px, now);
  if (o.cum < o.qty) {
    // The book does not even take the part: all that is left goes over.
    o.qty = all;
    size = all;
  }
  const notional = valueAt(i, size, m.mark);
  if (o.cum < o.qty) takeOver(x, m, o, now);
  if (m.cross) coverDeficit(l);
  const left = balance(l, ACCOUNT.wallet) - free;
  const fee = Math.min(left, mulDiv(notional, x.rules.liquidationFee, MONEY));
  post(l, ACCOUNT.wallet, ACCOUNT.insurance, fee);
  tellAccount(x, m, 'liquidation', fee, 0, 0, now);
}

/** The insurance fund takes the rest of a position: of an isolated one for exactly the margin that is left. */
function takeOver(x: Exchange, m: Market, o: Order, now: number): void {
  const qty = o.qty - o.cum;
  o.cum = o.qty;
  o.cumQuote = exact(o.cumQuote + times(o.px, qty));
  o.status = 'filled';
  let pnl: number;
  if (m.cross) pnl = applyFill(x.ledger, m.instrument, m.position, m.slot, o.side, o.px, qty, 0);
  else {
    const iso = FIRST_ISOLATED + m.slot;
    pnl = -balance(x.ledger, iso);
    post(x.ledger, iso, ACCOUNT.realised, -pnl);
    m.position.qty = 0;
    m.position.cost = 0;
  }
  tellTrade(x, m, o, o.px, qty, 0, pnl, false, now, 'taken over by the insurance fund');
}

/**
 * Auto-deleveraging: the position is closed against a bankrupt one of the other side, at the price given (whole units of
 * the instrument's price), without a fee and outside the book.
 */
export function deleverage(x: Exchange, m: Market, px: number, now: number): void {
  const p = m.position;
  if (p.qty === 0) return;
  cancelAll(x, m, now, 'adl');
  const size = Math.abs(p.qty);
  const o = closingOrder(m, 'adl', 'adl_autoclose', px, size);
  x.touched = true;
  tell(x, m, o, 'new', now);
  const pnl = applyFill(x.ledger, m.instrument, p, m.slot, o.side, px, size, 0);
  coverDeficit(x.ledger);
  o.cum = size;
  o.cumQuote = times(px, size);
  o.status = 'filled';
  tellTrade(x, m, o, px, size, 0, pnl, false, now, 'adl');
  tellAccount(x, m, 'adl', 0, pnl, 0, now);
}

/** How near a position is to its liquidation: maintenance margin / (margin and unrealised profit); 1 = liquidated. */
export function marginRatio(x: Exchange, m: Market): number {
  if (m.position.qty === 0) return 0;
  const own = unrealised(m.instrument, m.position, m.mark);
  const margin = marginBehind(x, m, true) + own;
  return margin <= 0 ? 1 : maintenanceOf(m) / margin;
}

/**
 * Funding of the open position: −s·q·M·rate at the mark price, rounded once, into or out of its isolated margin (of the
 * wallet where nothing is isolated).
 * `rate` is × 10^8.
 */
export function payFunding(x: Exchange, m: Market, rate: number, timeMs: number, now: number): void {
  m.fundedMs = timeMs;
  const { position: p, instrument: i } = m;
  if (p.qty === 0 || m.mark === 0 || rate === 0) return;
  const amount = -mulDiv3(p.qty, m.mark, rate, i.qtyScale * MONEY) + 0;
  const isolated = i.leverage > 0 && !m.cross;
  post(x.ledger, ACCOUNT.funding, isolated ? FIRST_ISOLATED + m.slot : ACCOUNT.wallet, amount);
  x.touched = true;
  tellAccount(x, m, 'funding', 0, 0, amount, now);
}
