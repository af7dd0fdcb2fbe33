import type { Document, Json } from '../store/index.ts';
import type { Fields } from './row-fields.ts';

/** One step in an order's life; `id` is unique and the same in every run. */
export interface OrderEvent {
  readonly id: string;
  readonly t: number;
  readonly fields: Fields;
  /** Service that told it. */
  readonly by?: string | undefined;
}
type Life = { id: string; t: number; exec: string } & Fields;

const CLOSED = new Set(['filled', 'canceled', 'rejected', 'expired']);
/** What the order is, as against what happened to it. */
const ORDER = [
  'side',
  'type',
  'tif',
  'px',
  'stop_px',
  'qty',
  'reduce_only',
  'close_position',
  'working',
  'origin',
  'intent_id',
  'order_id',
];
const STATE = ['status', 'cum_qty', 'cum_quote', 'code', 'reason'];
const MOMENT = [
  'status',
  'last_px',
  'last_qty',
  'cum_qty',
  'fee',
  'realized_pnl',
  'maker',
  'trade_id',
  'code',
  'reason',
  'time_ms',
];

/**
 * Adds events to the document of an order. Events that are there already change nothing, so that a repeated run gives
 * the same document; totals are sums over the events, exact to eight decimals.
 */
export function foldOrder(known: Document | undefined, base: Fields, events: readonly OrderEvent[]): Fields {
  const lives = [...((known?.['events'] ?? []) as unknown as Life[])];
  const seen = new Set(lives.map((l) => l.id));
  const order: Fields = { ...base, ...(known as Fields | undefined) };
  delete order['_key'];
  const makers = new Set((order['made_by'] ?? []) as readonly string[]);
  for (const e of events) {
    if (e.by !== undefined) makers.add(e.by);
    if (seen.has(e.id)) continue;
    seen.add(e.id);
    const life: Fields = { exec: String(e.fields['exec']) };
    for (const m of MOMENT) if (e.fields[m] !== undefined) life[m] = e.fields[m]!;
    life['id'] = e.id;
    life['t'] = e.t;
    lives.push(life as Life);
    order['t'] ??= e.t;
    // A market order's report says px null where the command said what it knew: keep what is known.
    for (const f of ORDER)
      if (e.fields[f] !== undefined && (e.fields[f] !== null || !(f in order))) order[f] = e.fields[f]!;
    for (const f of STATE) if (e.fields[f] !== undefined) order[f] = e.fields[f]!;
    if (CLOSED.has(String(e.fields['status']))) order['closed_t'] ??= e.t;
  }
  order['closed_t'] ??= null;
  if (makers.size > 0) order['made_by'] = [...makers];
  order['fee'] = total(lives, 'fee');
  order['realized_pnl'] = total(lives, 'realized_pnl');
  order['events'] = lives as unknown as Json;
  return order;
}

const total = (lives: readonly Life[], field: string): number =>
  lives.reduce((sum, l) => sum + Math.round(Number(l[field] ?? 0) * 1e8), 0) / 1e8;
