import type { Accounting } from './accounting.ts';
import { boundPx, expire } from './fill.ts';
import { ACCOUNT, post } from './ledger.ts';
import { bestPx } from './liquidity.ts';
import { closable, marginCheck, refreshMargin, reservePrice } from './margin.ts';
import { applyFill, coverDeficit, feeOf } from './position.ts';
import type { Reject } from './reject.ts';
import { tellAccount, tellTrade } from './report.ts';
import { recount } from './resting.ts';
import { type Exchange, isClosing, isLimit, type Market, type Order } from './state.ts';
import { checkBound, checkPx, checkQty, validate } from './usdm-validate.ts';

/** USD-M: a net position per instrument in USDT, isolated or cross margin; open orders reserve margin in sum, not one by one. */
export const usdmAccounting: Accounting = {
  validate,
  check(x, m, o) {
    if (o.reduceOnly && o.type !== 'limit' && o.type !== 'market' && closable(m, o.side) === 0) return 'reduceOnly';
    // Where conditional orders are a service of their own, a market order must find a price near the mark at once.
    if (x.rules.algo && o.type === 'market' && !o.triggered) {
      const best = bestPx(m, -o.side);
      if (best > 0 && (best - boundPx(x, m, o.side)) * o.side > 0) return 'counterparty';
    }
    return marginCheck(x, m, o);
  },
  accept() {},
  trigger(_x, m, o) {
    const closes = closable(m, o.side);
    if (o.closePosition) {
      if (closes === 0) return false;
      o.qty = closes;
    }
    o.reservePx = reservePrice(m, o.side, isLimit(o) ? o.px : bestPx(m, -o.side) || m.last);
    return true;
  },
  /** For an order that may only close: at most the position. */
  openQty(m, o) {
    const left = o.qty - o.cum;
    return o.reduceOnly || o.closePosition ? Math.min(left, closable(m, o.side)) : left;
  },
  book(x, m, o, px, qty, maker, now) {
    const i = m.instrument;
    const before = m.position.qty;
    const closing = isClosing(o.type);
    const fee = closing ? 0 : feeOf(i, px, qty, maker ? x.rules.maker : x.rules.taker);
    const pnl = applyFill(x.ledger, i, m.position, m.slot, o.side, px, qty, m.cross ? 0 : i.leverage);
    post(x.ledger, ACCOUNT.wallet, ACCOUNT.fees, fee);
    if (!closing && i.leverage > 0) coverDeficit(x.ledger);
    tellTrade(x, m, o, px, qty, fee, pnl, maker, now);
    tellAccount(x, m, o.type === 'liquidation' ? 'liquidation' : o.type === 'adl' ? 'adl' : 'order', fee, pnl, 0, now);
    if (before !== 0 && before * m.position.qty <= 0) expireClosers(x, m, before > 0 ? -1 : 1, o, now);
  },
  end() {},
  amend(x, m, o, px, qty) {
    const form = checkQty(m, qty) ?? checkPx(m, px) ?? checkBound(x, m, o.side, px);
    if (form) return form;
    const probe: Order = { ...o, px, qty: qty - o.cum, cum: 0, reservePx: reservePrice(m, o.side, px) };
    // The check without what the order reserves now.
    const { status } = o;
    o.status = 'canceled';
    recount(m, o.side);
    refreshMargin(x, m);
    const why: Reject | undefined = marginCheck(x, m, probe);
    o.status = status;
    if (!why) {
      o.px = px;
      o.qty = qty;
      o.reservePx = probe.reservePx;
    }
    recount(m, o.side);
    refreshMargin(x, m);
    return why;
  },
  refresh: refreshMargin,
};

/**
 * The position they depended on is gone: resting reduce-only orders and close-position stops of the side that closed it
 * expire, and whatever was to live as long as it.
 */
function expireClosers(x: Exchange, m: Market, side: number, cause: Order, now: number): void {
  for (const list of [m.buys, m.sells])
    for (const o of list)
      if (o !== cause && ((o.reduceOnly && o.side === side) || o.tif === 'gte_gtc')) expire(x, m, o, now, GONE);
  for (const o of m.stops)
    if (o !== cause && ((o.closePosition && o.side === side) || o.tif === 'gte_gtc')) expire(x, m, o, now, GONE);
}
const GONE = 'position closed';
