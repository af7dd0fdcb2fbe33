import type { Names } from './slots.ts';

export type Market = 'spot' | 'usdm';
/** What a single frame says about its market: nothing, Spot, or USD-M. */
/**
 * Decimals that candles and ticks without an exchange's own frames get at least. Such files say nothing of tick and lot:
 * a strategy's stop may lie between two printed prices, and its quantity be finer than any printed volume.
 */
export const CANDLE_PX_DIGITS = 5;
export const FREE_QTY_DIGITS = 3;

export const NO_EVIDENCE = 0;
export const SPOT = 1;
export const USDM = 2;

/** With no more contrary frames than these a file is one market's, and the contrary frames are damaged ones. */
const MIXED_SHARE = 0.05;
const MIXED_FRAMES = 5;

/**
 * The instruments of one file while it is decoded. A row's key is `name × 3 + evidence`, because the market may only be
 * settled by later frames. Decimals and magnitudes are collected per key, so that the run's decimals are known before
 * its first block.
 */
export class FileKeys {
  readonly names: Names;
  rows = new Float64Array(64);
  pxDigits = new Uint8Array(64);
  qtyDigits = new Uint8Array(64);
  maxPx = new Float64Array(64);
  maxQty = new Float64Array(64);
  /** Frames that spoke for Spot and for USD-M. */
  readonly votes = [0, 0, 0];

  constructor(names: Names) {
    this.names = names;
  }

  static key(name: number, evidence: number): number {
    return name * 3 + evidence;
  }

  /** Counts a row of `key` and what its amounts need. */
  see(key: number, pxDigits: number, qtyDigits: number, maxPx: number, maxQty: number): void {
    this.seeMany(key, 1, pxDigits, qtyDigits, maxPx, maxQty);
  }
  seeMany(key: number, rows: number, pxDigits: number, qtyDigits: number, maxPx: number, maxQty: number): void {
    if (key >= this.rows.length) this.#grow(key);
    this.rows[key]! += rows;
    if (pxDigits > this.pxDigits[key]!) this.pxDigits[key] = pxDigits;
    if (qtyDigits > this.qtyDigits[key]!) this.qtyDigits[key] = qtyDigits;
    if (maxPx > this.maxPx[key]!) this.maxPx[key] = maxPx;
    if (maxQty > this.maxQty[key]!) this.maxQty[key] = maxQty;
  }
  #grow(key: number): void {
    const n = Math.max(key + 1, this.rows.length * 2);
    const f64 = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const next = new Float64Array(n);
      next.set(old);
      return next;
    };
    const u8 = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const next = new Uint8Array(n);
      next.set(old);
      return next;
    };
    this.rows = f64(this.rows);
    this.maxPx = f64(this.maxPx);
    this.maxQty = f64(this.maxQty);
    this.pxDigits = u8(this.pxDigits);
    this.qtyDigits = u8(this.qtyDigits);
  }

  /** The market of each kind of evidence, now that all frames are seen. `given` and a URL are decisive. */
  markets(given: Market | undefined): readonly [Market, Market, Market] {
    if (given !== undefined) return [given, given, given];
    const spot = this.votes[SPOT]!;
    const usdm = this.votes[USDM]!;
    const major: Market = spot > usdm ? 'spot' : 'usdm';
    const minor = Math.min(spot, usdm);
    if (minor <= MIXED_FRAMES || minor <= MIXED_SHARE * (spot + usdm)) return [major, major, major];
    return [major, 'spot', 'usdm'];
  }
}
