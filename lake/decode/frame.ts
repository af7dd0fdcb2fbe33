import type { RefusalCode } from './codes.ts';
import type { FileKeys } from './file-keys.ts';
import type { RowStore } from './row-store.ts';
import { ABSENT, BOOL, DEC, INEXACT, INT, NULL, type Slots, TEXT } from './slots.ts';

/** 2009-01-01 and 2100-01-01, ms since the epoch. */
export const MS_MIN = 1_230_768_000_000;
export const MS_MAX = 4_102_444_800_000;

export const max = (a: number, b: number): number => Math.max(a, b);
/** Exchange times are ms, or µs where the stream was asked for them. */
export const toMs = (t: number): number => (t >= 1e14 ? Math.floor(t / 1000) : t);
export const fitsMoney = (v: number, digits: number): boolean =>
  digits <= 8 && Math.abs(v) * 1e8 <= Number.MAX_SAFE_INTEGER;

/**
 * The frame at hand and where its row goes. Field readers return the value, or NaN with `fault` set to the first thing
 * that is wrong; slots say where, names are for the message.
 */
export class Frame {
  fault: RefusalCode | null = null;
  faultText = '';
  readonly slots: Slots;
  readonly store: RowStore;
  readonly keys: FileKeys;
  /** Interned MARKET, BUY and SELL. */
  readonly market: number;
  readonly buy: number;
  readonly sell: number;
  readonly #ports: ReadonlySet<number> | undefined;

  constructor(slots: Slots, store: RowStore, keys: FileKeys, ports: ReadonlySet<number> | undefined) {
    this.slots = slots;
    this.store = store;
    this.keys = keys;
    this.#ports = ports;
    this.market = slots.names.of('MARKET');
    this.buy = slots.names.of('BUY');
    this.sell = slots.names.of('SELL');
  }

  vote(evidence: number): void {
    this.keys.votes[evidence]!++;
  }
  /** Rows of this port are not wanted. */
  skips(port: number): boolean {
    return this.#ports?.has(port) === false;
  }

  refuse(code: RefusalCode, text: string): boolean {
    if (this.fault === null) {
      this.fault = code;
      this.faultText = text;
    }
    return false;
  }
  wrong(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    if (kind === ABSENT || kind === NULL) this.refuse('CHM654', `field "${field}" is missing`);
    else this.refuse('CHM655', `field "${field}" is of the wrong type`);
    return Number.NaN;
  }
  id(slot: number, field: string): number {
    const v = this.slots.val[slot]!;
    if (this.slots.kind[slot] !== INT) return this.wrong(slot, field);
    if (v < 0) this.refuse('CHM655', `field "${field}" is negative`);
    return v;
  }
  /** Klines without a trade send -1. */
  tradeIdOr(slot: number, field: string): number {
    if (this.slots.kind[slot] === ABSENT) return Number.NaN;
    if (this.slots.kind[slot] !== INT) return this.wrong(slot, field);
    return this.slots.val[slot]! < 0 ? Number.NaN : this.slots.val[slot]!;
  }
  time(slot: number, field: string): number {
    if (this.slots.kind[slot] !== INT) return this.wrong(slot, field);
    const ms = toMs(this.slots.val[slot]!);
    if (!(ms >= MS_MIN && ms < MS_MAX)) this.refuse('CHM652', `field "${field}" is no possible time`);
    return ms;
  }
  timeOr(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    return kind === ABSENT || kind === NULL ? Number.NaN : this.time(slot, field);
  }
  bool(slot: number, field: string): number {
    return this.slots.kind[slot] === BOOL ? this.slots.val[slot]! : this.wrong(slot, field);
  }
  px(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    const v = this.slots.val[slot]!;
    if (kind === DEC || kind === INT) {
      if (v > 0) return v;
      this.refuse('CHM656', `price "${field}" is not above zero`);
    } else if (kind === TEXT) this.refuse('CHM656', `price "${field}" is no number`);
    else if (kind === INEXACT)
      this.refuse(
        v > 0 ? 'CHM658' : 'CHM656',
        v > 0 ? `price "${field}" has too many digits` : `price "${field}" is not above zero`,
      );
    else this.wrong(slot, field);
    return Number.NaN;
  }
  qty(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    const v = this.slots.val[slot]!;
    if (kind === DEC || kind === INT) {
      if (v >= 0) return v;
      this.refuse('CHM657', `quantity "${field}" is below zero`);
    } else if (kind === TEXT) this.refuse('CHM657', `quantity "${field}" is no number`);
    else if (kind === INEXACT) this.refuse('CHM658', `quantity "${field}" has too many digits`);
    else this.wrong(slot, field);
    return Number.NaN;
  }
  traded(slot: number, field: string): number {
    const v = this.qty(slot, field);
    if (v === 0) this.refuse('CHM657', `quantity "${field}" is zero`);
    return v;
  }
  f64(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    if (kind === DEC || kind === INT || kind === INEXACT) {
      const v = this.slots.val[slot]!;
      if (Number.isFinite(v)) return v;
    }
    return this.wrong(slot, field);
  }
  /** Rates of contracts without funding are empty texts. */
  rateOr(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    if (kind === ABSENT || kind === NULL || (kind === TEXT && this.slots.val[slot] === 0)) return Number.NaN;
    return this.f64(slot, field);
  }
  moneyOr(slot: number, field: string): number {
    const kind = this.slots.kind[slot];
    if (kind === ABSENT || kind === NULL || (kind === TEXT && this.slots.val[slot] === 0)) return Number.NaN;
    if ((kind === DEC || kind === INT) && this.slots.val[slot] === 0) return Number.NaN;
    const v = this.px(slot, field);
    if (this.fault === null && !fitsMoney(v, this.slots.digits[slot]!))
      this.refuse('CHM658', `price "${field}" needs more than eight decimals or 2^53`);
    return v;
  }
}
