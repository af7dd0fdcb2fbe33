import { closest } from 'fastest-levenshtein';
import { ChimeraError, type KeyInfo, type KeyTable } from '../../graph/schema/index.ts';
import { type BinanceAccess, type MarketName, secretsOf } from './access.ts';
import type { BinanceClient } from './client.ts';
import { maskedError } from './redact.ts';

export interface Instrument {
  readonly key: KeyInfo;
  /** As the exchange has it: `BTCUSDT`. */
  readonly symbol: string;
  /** As ccxt has it: `BTC/USDT:USDT`. */
  readonly unified: string;
}

/** What is read of a market's entry in exchangeInfo. */
interface Info {
  readonly symbol: string;
  readonly pricePrecision?: number | string;
  readonly filters?: readonly { readonly filterType: string; readonly tickSize?: string; readonly stepSize?: string }[];
}

interface Listed {
  readonly symbol: string;
  readonly spot?: boolean;
  readonly linear?: boolean;
  readonly info: Info;
}

/** Decimals of a step as text: `0.00100` has 3; a step of 0 or a whole number has none. */
export function decimalsOf(step: string | undefined): number {
  const fraction = /^\d*\.(\d*?)0*$/.exec(step ?? '');
  return fraction?.[1]?.length ?? 0;
}

/**
 * Decimals from the rules of the instrument. Prices take the tick's, and on USD-M at least `pricePrecision` ones: average
 * prices and trades outside the market are finer than the tick.
 */
export function digitsOf(info: Info): { px: number; qty: number } {
  const steps = (name: 'tickSize' | 'stepSize'): number =>
    Math.max(0, ...(info.filters ?? []).map((f) => decimalsOf(f[name])));
  return { px: Math.max(steps('tickSize'), Number(info.pricePrecision ?? 0) || 0), qty: steps('stepSize') };
}

/**
 * Asks the exchange for its rules and declares the instruments with their decimals, in the order given.
 * @param symbols `BTCUSDT` or `usdm:BTCUSDT`
 * @throws CHM932 when exchangeInfo cannot be had, CHM933 when a symbol is not listed, CHM720 when decimals have changed
 */
export async function declareInstruments(
  ex: BinanceClient,
  market: MarketName,
  symbols: readonly string[],
  keys: KeyTable,
  node: string,
  access: BinanceAccess,
): Promise<Instrument[]> {
  try {
    await ex.loadMarkets();
  } catch (e) {
    throw maskedError('CHM932', `source ${node} cannot learn the exchange's rules`, e, {
      node,
      help: 'check that the exchange (or the local venue) answers at the configured address',
      secrets: secretsOf(access),
    });
  }
  const byId = ex.markets_by_id as Readonly<Record<string, readonly Listed[]>>;
  return symbols.map((given) => {
    const symbol = given.slice(given.indexOf(':') + 1).toUpperCase();
    const listed = byId[symbol]?.find((m) => (market === 'spot' ? m.spot : m.linear));
    if (listed === undefined) {
      const near = Object.keys(byId).length === 0 ? '' : closest(symbol, Object.keys(byId));
      throw new ChimeraError('CHM933', `${market} does not list ${symbol}`, {
        node,
        help: near === '' ? 'the exchange lists nothing' : `did you mean ${near}?`,
      });
    }
    const { px, qty } = digitsOf(listed.info);
    return { key: keys.declare(`${market}:${symbol}`, px, qty), symbol, unified: listed.symbol };
  });
}
