import type { TradingPorts } from '../../observe/messages.ts';
import type { Kill, Order, Position, Row, Trading } from '../contract/records.ts';

type Values = Readonly<Record<string, unknown>>;
interface Totals {
  realized: string;
  fees: string;
  funding: string;
}
const text = (v: unknown): string | null => (v === null || v === undefined || v === '' ? null : String(v));
const CLOSED = new Set(['filled', 'canceled', 'rejected', 'expired']);
/** Closed orders that are still shown. */
const MOST_CLOSED = 200;

/**
 * What is held, ordered and owned, folded from the rows of the ports that say so. It begins with the run (or with the moment at which
 * it was first watched): orders that were placed in an earlier life of the run show when something happens to them.
 */
export class TradingView {
  readonly #ports: TradingPorts;
  readonly #orders = new Map<string, Order & { origin: string; stop: string | null }>();
  readonly #positions = new Map<string, Values>();
  readonly #venue = new Map<string, Values>();
  readonly #totals = new Map<string, Totals>();
  readonly #prices = new Map<string, { at_us: number; price: string }>();
  #account: Values | undefined;
  #kill: Kill;
  #reconciler: Trading['reconciler'];
  #at = 0;
  constructor(ports: TradingPorts) {
    this.#ports = ports;
    // A graph without a switch has nothing that could be engaged, and says so.
    this.#kill = { state: 'unknown', reason: null, by: null, since_us: null, steps: [] };
    const state = ports.reconcile === undefined ? 'none' : 'starting';
    this.#reconciler = { state, checked_us: null, jaccard: null, differences: 0 };
  }
  /** @returns whether the row changed something */
  take(port: string, row: Row): boolean {
    const p = this.#ports;
    const key = row.key ?? '';
    this.#at = Math.max(this.#at, row.at_us);
    if (port === p.command) this.#command(key, row);
    else if (port === p.report) this.#report(key, row);
    else if (port === p.account) this.#account = row.values;
    else if (port === p.change) this.#change(key, row.values);
    else if (port === p.kill) this.#takeKill(row);
    else if (port === p.killSwitch) this.#kill = { ...this.#kill, by: text(row.values['who']) };
    else if (port === p.reconcile) this.#takeReconcile(row);
    else if (port === p.position) this.#positions.set(key, row.values);
    else if (port === p.venuePosition) this.#venue.set(key, row.values);
    else if (port === p.price) this.#price(key, row);
    else return false;
    return true;
  }
  /** How ours and the exchange's agree, from a gateway. */
  reconciled(r: Trading['reconciler']): void {
    this.#reconciler = r;
  }
  get trading(): Trading {
    const positions = [...this.#positions].flatMap(([instrument, v]) => this.#position(instrument, v) ?? []);
    const { market } = this.#ports;
    const isolated = [...this.#venue.values()].reduce((a, v) => a + Number(v['isolated_wallet'] ?? 0), 0);
    const balance = text(this.#account?.['wallet']);
    return {
      at_us: this.#at,
      wallets:
        balance === null
          ? []
          : [{ wallet: market, asset: 'USDT', balance, available: (Number(balance) - isolated).toFixed(8) }],
      positions,
      orders: [...this.#orders.values()].map(({ origin: _, stop: _stop, ...o }) => o).reverse(),
      reconciler: this.#reconciler,
      kill: this.#kill,
      prices: [...this.#prices].map(([instrument, p]) => ({ instrument, ...p })),
    };
  }

  #command(instrument: string, { values: v, at_us }: Row): void {
    if (v['action'] !== 'place') return;
    const id = String(v['client_id']);
    const known = this.#orders.get(id);
    if (known) {
      // The report of an order may be in the rows before the command that placed it: who placed it is only told by this one.
      const origin = String(v['origin'] ?? '');
      if (known.origin === '') this.#orders.set(id, { ...known, origin, reason: known.reason ?? text(origin) });
      return;
    }
    this.#orders.set(id, {
      client_id: id,
      instrument,
      side: v['side'] === 'sell' ? 'sell' : 'buy',
      type: String(v['type']),
      price: text(v['px']) ?? text(v['stop_px']),
      qty: String(v['qty']),
      filled: '0',
      status: 'sent',
      reason: text(v['origin']),
      created_us: at_us,
      updated_us: at_us,
      origin: String(v['origin'] ?? ''),
      stop: text(v['stop_px']),
    });
    this.#forget();
  }
  #report(instrument: string, { values: v, at_us }: Row): void {
    const id = String(v['client_id']);
    const known = this.#orders.get(id);
    const exec = String(v['exec']);
    // A refused cancel speaks of the cancel.
    if (exec === 'rejected' && known && known.status !== 'sent') return;
    const status = exec === 'unknown' ? 'unknown' : String(v['status']);
    this.#orders.set(id, {
      client_id: id,
      instrument,
      side: v['side'] === 'sell' ? 'sell' : 'buy',
      type: known?.type ?? String(v['type']),
      price: text(v['px']) ?? text(v['stop_px']) ?? known?.price ?? null,
      qty: String(v['qty'] ?? known?.qty ?? '0'),
      filled: String(v['cum_qty'] ?? '0'),
      status,
      reason: text(v['reason']) ?? known?.reason ?? null,
      created_us: known?.created_us ?? at_us,
      updated_us: at_us,
      origin: known?.origin ?? '',
      stop: text(v['stop_px']) ?? known?.stop ?? null,
    });
    this.#forget();
  }
  /** The oldest closed orders go. */
  #forget(): void {
    if (this.#orders.size <= MOST_CLOSED) return;
    for (const [id, o] of this.#orders) {
      if (this.#orders.size <= MOST_CLOSED) return;
      if (CLOSED.has(o.status)) this.#orders.delete(id);
    }
  }
  #change(instrument: string, v: Values): void {
    this.#totals.set(instrument, {
      realized: String(v['realized_total']),
      fees: String(v['fee_total']),
      funding: String(v['funding_total']),
    });
  }
  #price(instrument: string, row: Row): void {
    const v = row.values;
    const mid = (Number(v['bid_px']) + Number(v['ask_px'])) / 2;
    const price = text(v['mark_px']) ?? text(v['px']) ?? (Number.isFinite(mid) ? String(mid) : null);
    if (price !== null) this.#prices.set(instrument, { at_us: row.at_us, price });
  }
  #position(instrument: string, v: Values): Position | undefined {
    const totals = this.#totals.get(instrument);
    const flat = Number(v['qty']) === 0;
    if (flat && !totals) return undefined;
    const venue = this.#venue.get(instrument);
    const mark = Number(v['mark_px']);
    const liquidation = text(venue?.['liquidation_px']);
    const stop = [...this.#orders.values()].find(
      (o) => o.instrument === instrument && o.stop !== null && !CLOSED.has(o.status) && /stop/.test(o.type),
    );
    return {
      instrument,
      qty: String(v['qty']),
      entry_price: flat ? null : String(Number(Number(v['entry_px']).toPrecision(12))),
      mark_price: mark > 0 ? String(v['mark_px']) : null,
      liquidation_price: liquidation,
      distance_to_liquidation: liquidation !== null && mark > 0 ? Math.abs(mark - Number(liquidation)) / mark : null,
      pnl: {
        price: (Number(totals?.realized ?? 0) + (flat ? 0 : Number(v['pnl']))).toFixed(8),
        fees: totals?.fees ?? '0',
        funding: totals?.funding ?? '0',
      },
      stop_price: flat ? null : (stop?.stop ?? null),
    };
  }
  #takeKill({ values: v, at_us }: Row): void {
    const phase = String(v['phase']) as Kill['state'];
    const state = KILL_STATES.has(phase) ? phase : 'unknown';
    const before = state === this.#kill.state || state === 'engaged' || state === 'released' ? [] : this.#kill.steps;
    const steps = state === this.#kill.state ? this.#kill.steps : [...before, { state, at_us }];
    const since = v['engaged_us'];
    this.#kill = {
      state,
      reason: text(v['reason']),
      by: this.#kill.by,
      since_us: typeof since === 'number' ? since : null,
      steps,
    };
  }
  #takeReconcile({ values: v, at_us }: Row): void {
    this.#reconciler = {
      state: String(v['state']),
      checked_us: at_us,
      jaccard: typeof v['jaccard'] === 'number' ? v['jaccard'] : null,
      differences: Number(v['differences'] ?? 0),
    };
  }
}
const KILL_STATES = new Set(['released', 'engaged', 'cancelling', 'flattening', 'flat', 'unknown']);
