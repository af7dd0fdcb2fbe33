import type { KeyInfo } from '../../../graph/schema/index.ts';
import type { Listed, MarketName } from '../contract.ts';
import { unitText } from './decimal-text.ts';

/** Quote assets, the longest names first where one ends like another. */
const QUOTES = [
  'FDUSD',
  'USDT',
  'USDC',
  'BUSD',
  'TUSD',
  'USDP',
  'BTC',
  'ETH',
  'BNB',
  'EUR',
  'GBP',
  'AUD',
  'BRL',
  'TRY',
].concat(['JPY', 'UAH', 'RUB', 'PLN', 'RON', 'ARS', 'ZAR', 'NGN', 'IDR', 'DAI', 'TRX', 'XRP', 'DOGE', 'USD']);

/** Tick, step and smallest notional of contracts whose values are known; others follow the decimals of their data. */
const KNOWN: Readonly<Record<string, { tick: string; step: string; minNotional: string; maxQty: string }>> = {
  'usdm:BTCUSDT': { tick: '0.10', step: '0.001', minNotional: '100', maxQty: '1000' },
  'usdm:ETHUSDT': { tick: '0.01', step: '0.001', minNotional: '20', maxQty: '10000' },
  'spot:BTCUSDT': { tick: '0.01', step: '0.00001', minNotional: '5', maxQty: '9000' },
  'spot:ETHUSDT': { tick: '0.01', step: '0.0001', minNotional: '5', maxQty: '9000' },
};
const OTHER_MIN_NOTIONAL = '5';
/** Largest amounts: far from 2^53 in the instrument's own decimals, also when price and quantity are multiplied. */
const LARGEST = 1e12;

export function splitSymbol(symbol: string): { base: string; quote: string } {
  const name = symbol.replace(/_\d{6}$/, '').replace(/_PERP$/, '');
  const quote = QUOTES.find((q) => name.length > q.length && name.endsWith(q)) ?? 'USDT';
  return { base: name.endsWith(quote) ? name.slice(0, -quote.length) : name, quote };
}

/** The rules of an instrument, from what is known of it and the decimals its data have. */
export function listed(key: KeyInfo): Listed {
  const colon = key.name.indexOf(':');
  const market = key.name.slice(0, colon) as MarketName;
  const symbol = key.name.slice(colon + 1);
  const known = KNOWN[key.name];
  const places = market === 'spot' ? 8 : 0;
  const tick = known && decimals(known.tick) <= key.pxDigits ? known.tick : unit(known?.tick, key.pxDigits);
  const step = known && decimals(known.step) <= key.qtyDigits ? known.step : unitText(key.qtyDigits);
  const maxQty = known ? known.maxQty : whole(Math.min(1e7, LARGEST / key.qtyScale));
  return {
    market,
    key,
    symbol,
    ...splitSymbol(symbol),
    tick: padded(tick, places),
    step: padded(step, places),
    minQty: padded(step, places),
    maxQty: padded(maxQty, places),
    minPx: padded(tick, places),
    maxPx: padded(whole(Math.min(1e6, LARGEST / key.pxScale)), places),
    minNotional: padded(known?.minNotional ?? OTHER_MIN_NOTIONAL, places),
  };
}
/** Significant decimals: '0.10' has one. */
const decimals = (text: string): number => (/\.(\d*[1-9])?0*$/.exec(text)?.[1] ?? '').length;
/** A tick of the data's decimals, with as many places as the known one where that is longer. */
function unit(known: string | undefined, digits: number): string {
  const text = unitText(digits);
  return known === undefined ? text : padded(text, Math.max(digits, known.length - known.indexOf('.') - 1));
}
const whole = (v: number): string => String(Math.max(1, Math.floor(v)));

/** `0.01` with eight places: `0.01000000`. */
export function padded(text: string, places: number): string {
  const dot = text.indexOf('.');
  const has = dot < 0 ? 0 : text.length - dot - 1;
  if (has >= places) return text;
  return `${text}${dot < 0 ? '.' : ''}${'0'.repeat(places - has)}`;
}
/** Places of a decimal text: `0.10` has two. */
export const placesOf = (text: string): number => (text.includes('.') ? text.length - text.indexOf('.') - 1 : 0);
