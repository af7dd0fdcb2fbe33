import type { Report } from '../../core/state.ts';
import { type AlgoRecord, type Desk, type OrderRecord, typeName } from './desk.ts';
import type { Placement } from './order-params.ts';

/** The record of an accepted order: of a request, of a triggered conditional order, or one of the venue's own. */
export function newRecord(d: Desk, r: Report, p: Placement | undefined, from: AlgoRecord | undefined): OrderRecord {
  const type = typeName(r.type);
  const own = from ?? p;
  return {
    desk: d,
    orderId: r.order_id,
    clientId: r.client_id,
    side: r.side === 'buy' ? 'BUY' : 'SELL',
    type: r.type === 'liquidation' || r.type === 'adl' ? 'LIMIT' : type,
    origType: from ? from.origType : r.type === 'liquidation' || r.type === 'adl' ? 'LIQUIDATION' : type,
    tif: r.tif.toUpperCase(),
    px: r.px,
    qty: r.qty,
    cum: 0,
    cumQuote: 0,
    stopPx: r.stop_px,
    status: 'NEW',
    reduceOnly: r.reduce_only,
    closePosition: from?.closePosition ?? false,
    working: own?.working ?? 'CONTRACT_PRICE',
    protect: from?.protect ?? false,
    stp: own?.stp ?? 'NONE',
    priceMatch: own?.priceMatch ?? 'NONE',
    goodTillDate: own?.goodTillDate ?? 0,
    timeMs: r.time_ms,
    updateMs: r.time_ms,
    realised: 0,
    amendments: 0,
  };
}
