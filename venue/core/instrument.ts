import { ChimeraError, type KeyInfo } from '../../graph/schema/index.ts';
import { divide, MONEY_DIGITS, mulDiv, scaled, ten, times } from './money.ts';
import { buildTiers, DEFAULT_TIERS, type Tier, type TierRule } from './tiers.ts';

/** Trading rules of one instrument as a configuration gives them: decimals, all optional. */
export interface InstrumentRules {
  tick?: number | undefined;
  step?: number | undefined;
  min_qty?: number | undefined;
  max_qty?: number | undefined;
  min_px?: number | undefined;
  max_px?: number | undefined;
  min_notional_usdt?: number | undefined;
  leverage?: number | undefined;
  tiers?: readonly TierRule[] | undefined;
}

/** An instrument's scales and filters, as integers of its own decimals; notionals in USDT × 10^8. */
export interface Instrument {
  key: number;
  name: string;
  pxScale: number;
  qtyScale: number;
  tick: number;
  step: number;
  minQty: number;
  maxQty: number;
  minPx: number;
  maxPx: number;
  minNotional: number;
  /** 0: cross margin without limit: nothing is set aside, checked or liquidated. */
  leverage: number;
  tiers: Tier[];
  /** price × quantity × up = USDT × 10^8 while the decimals together are at most 8; otherwise divided by `down`. */
  up: number;
  down: number;
  /** price × pxMoney = USDT × 10^8. */
  pxMoney: number;
}

const MIN_NOTIONAL: Readonly<Record<string, number>> = { 'usdm:BTCUSDT': 100, 'usdm:ETHUSDT': 20 };
const OTHER_MIN_NOTIONAL = 5;
const UNLIMITED = 4_503_599_627_370_496; // 2^52

/** Filters default to one unit of the instrument's decimals and no upper bounds. Throws CHM803, CHM804. */
export function createInstrument(key: KeyInfo, leverage: number, r: InstrumentRules): Instrument {
  if (key.pxDigits > MONEY_DIGITS)
    throw new ChimeraError(
      'CHM803',
      `${key.name} has ${key.pxDigits} price decimals; the venue keeps ${MONEY_DIGITS}`,
      {
        help: 'declare at most eight price decimals for the instrument',
      },
    );
  const px = (x: number | undefined, name: string, or: number): number =>
    x === undefined ? or : scaled(x, key.pxDigits, `${name} of ${key.name}`);
  const qty = (x: number | undefined, name: string, or: number): number =>
    x === undefined ? or : scaled(x, key.qtyDigits, `${name} of ${key.name}`);
  const digits = key.pxDigits + key.qtyDigits;
  const tick = px(r.tick, 'tick', 1);
  const step = qty(r.step, 'step', 1);
  const usual = leverage === 0 ? 0 : (MIN_NOTIONAL[key.name] ?? OTHER_MIN_NOTIONAL);
  const notional = r.min_notional_usdt ?? usual;
  return {
    key: key.index,
    name: key.name,
    pxScale: key.pxScale,
    qtyScale: key.qtyScale,
    tick,
    step,
    minQty: qty(r.min_qty, 'min_qty', step),
    maxQty: qty(r.max_qty, 'max_qty', UNLIMITED),
    minPx: px(r.min_px, 'min_px', tick),
    maxPx: px(r.max_px, 'max_px', UNLIMITED),
    minNotional: scaled(notional, MONEY_DIGITS, `min_notional_usdt of ${key.name}`),
    leverage: r.leverage ?? leverage,
    tiers: buildTiers(r.tiers ?? DEFAULT_TIERS),
    up: digits <= MONEY_DIGITS ? ten(MONEY_DIGITS - digits) : 1,
    down: digits <= MONEY_DIGITS ? 1 : ten(digits - MONEY_DIGITS),
    pxMoney: ten(MONEY_DIGITS - key.pxDigits),
  };
}

/** price × quantity in USDT × 10^8: exact up to eight decimals together, rounded once beyond. Throws CHM801. */
export function notionalOf(i: Instrument, px: number, qty: number): number {
  return i.down === 1 ? times(times(px, qty), i.up) : mulDiv(px, qty, i.down);
}
/** USDT × 10^8 as `quote`, in the decimals of price and quantity together. */
export function toQuote(i: Instrument, money: number): number {
  return i.down === 1 ? divide(money, i.up) : times(money, i.down);
}
/** quantity × mark price (× 10^8) in USDT × 10^8. */
export function valueAt(i: Instrument, qty: number, mark: number): number {
  return mulDiv(qty, mark, i.qtyScale);
}
