import { takeLiquidity } from './fill.ts';
import { valueAt } from './instrument.ts';
import { ACCOUNT, balance, FIRST_ISOLATED, post } from './ledger.ts';
import { ceilDiv, exact, floorDiv, MONEY, mulDiv, mulDiv3, times } from './money.ts';
import { cancelAll } from './place.ts';
import { tell, tellAccount, tellTrade } from './report.ts';
import type { Exchange, Market, Order } from './state.ts';
import { bankruptcyPrice, mustLiquidate } from './tiers.ts';

/** Liquidates the position when margin and unrealised profit no longer exceed the maintenance margin at the mark price. */
export function checkLiquidation(x: Exchange, m: Market, now: number): void {
  const { position: p, instrument: i } = m;
  if (p.qty === 0 || (m.mark > m.guardLow && m.mark < m.guardHigh)) return;
  const iw = balance(x.ledger, FIRST_ISOLATED + m.slot);
  if (mustLiquidate(i.tiers, p.qty, i.qtyScale, p.cost, iw, m.mark)) liquidate(x, m, now);
}

/**
 * Cancels the instrument's orders, sells into the recorded book down to the bankruptcy price, leaves the rest to the
 * insurance fund at that price, and pays the liquidation fee from what margin remains, never from the free balance.
 */
function liquidate(x: Exchange, m: Market, now: number): void {
  const { position: p, instrument: i } = m;
  const l = x.ledger;
  cancelAll(x, m, now, 'liquidation');
  const iso = FIRST_ISOLATED + m.slot;
  const bankrupt = bankruptcyPrice(p.qty, i.qtyScale, p.cost, balance(l, iso));
  const side = p.qty > 0 ? -1 : 1;
  const size = Math.abs(p.qty);
  const free = balance(l, ACCOUNT.wallet);
  const o: Order = {
    clientId: `autoclose-${Math.floor(now / 1000)}`,
    orderId: m.nextOrderId++,
    side,
    type: 'liquidation',
    tif: 'ioc',
    px: Math.max(1, side < 0 ? ceilDiv(bankrupt, i.pxMoney) : floorDiv(bankrupt, i.pxMoney)),
    stopPx: Number.NaN,
    working: 'mark',
    qty: size,
    cum: 0,
    cumQuote: 0,
    reduceOnly: true,
    closePosition: false,
    ahead: 0,
    reservePx: 0,
    status: 'new',
  };
  x.touched = true;
  tell(x, m, o, 'new', now);
  const notional = valueAt(i, size, m.mark);
  takeLiquidity(x, m, o, o.px, now);
  if (o.cum < o.qty) takeOver(x, m, o, now);
  const left = balance(l, ACCOUNT.wallet) - free;
  const fee = Math.min(left, mulDiv(notional, x.rules.liquidationFee, MONEY));
  post(l, ACCOUNT.wallet, ACCOUNT.insurance, fee);
  tellAccount(x, m, 'liquidation', fee, 0, 0, now);
}

/** The insurance fund takes the rest of a position for exactly the margin that is left. */
function takeOver(x: Exchange, m: Market, o: Order, now: number): void {
  const iso = FIRST_ISOLATED + m.slot;
  const margin = balance(x.ledger, iso);
  const qty = o.qty - o.cum;
  post(x.ledger, iso, ACCOUNT.realised, margin);
  m.position.qty = 0;
  m.position.cost = 0;
  o.cum = o.qty;
  o.cumQuote = exact(o.cumQuote + times(o.px, qty));
  o.status = 'filled';
  tellTrade(x, m, o, o.px, qty, 0, -margin, false, now, 'taken over by the insurance fund');
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
  post(x.ledger, ACCOUNT.funding, i.leverage > 0 ? FIRST_ISOLATED + m.slot : ACCOUNT.wallet, amount);
  x.touched = true;
  tellAccount(x, m, 'funding', 0, 0, amount, now);
}
