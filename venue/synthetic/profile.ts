/** What a synthetic instrument looks like. Starting values of the right order of magnitude, not a model of a day. */
export interface Profile {
  /** Bare symbol; the key is `usdm:<symbol>`. */
  symbol: string;
  price: number;
  pxDigits: number;
  qtyDigits: number;
  /** Typical trade, in units of the last quantity digit. */
  lot: number;
  /** Volatility per √second. */
  sigma: number;
}

const KNOWN: readonly Profile[] = [
  { symbol: 'BTCUSDT', price: 60_000, pxDigits: 1, qtyDigits: 3, lot: 15, sigma: 1.1e-4 },
  { symbol: 'ETHUSDT', price: 3_000, pxDigits: 2, qtyDigits: 3, lot: 300, sigma: 1.4e-4 },
  { symbol: 'SOLUSDT', price: 150, pxDigits: 2, qtyDigits: 0, lot: 10, sigma: 1.9e-4 },
  { symbol: 'BNBUSDT', price: 550, pxDigits: 2, qtyDigits: 2, lot: 150, sigma: 1.3e-4 },
  { symbol: 'XRPUSDT', price: 0.6, pxDigits: 4, qtyDigits: 1, lot: 10_000, sigma: 1.6e-4 },
];

export const profileOf = (symbol: string): Profile =>
  KNOWN.find((p) => p.symbol === symbol) ?? { symbol, price: 10, pxDigits: 3, qtyDigits: 1, lot: 500, sigma: 2e-4 };
