import { ChimeraError, type KeyInfo, type OrderCommand, type Values } from '../../graph/schema/index.ts';

/** A market order for a signed quantity, with a deterministic id: instrument, engine time, running number. */
export function marketOrder(
  key: string,
  now: number,
  n: number,
  rule: string,
  delta: number,
  reduceOnly: boolean,
): Values<typeof OrderCommand> {
  return {
    action: 'place',
    client_id: orderId(key, now, n),
    side: delta > 0 ? 'buy' : 'sell',
    type: 'market',
    tif: 'gtc',
    qty: Math.abs(delta),
    px: Number.NaN,
    stop_px: Number.NaN,
    working: 'last',
    reduce_only: reduceOnly,
    close_position: false,
    intent_id: rule,
    origin: reduceOnly ? 'exit' : 'entry',
  };
}

/** A client order id within Binance's `^[\\.A-Z\\:/a-z0-9_-]{1,36}$`: instrument, engine time, running number. */
export const orderId = (key: string, now: number, n: number): string =>
  `${symbolOf(key)}-${now.toString(36)}-${n.toString(36)}`;

const symbols = new Map<string, string>();
/** The part of a key that may stand in an order id. */
export function symbolOf(key: string): string {
  let symbol = symbols.get(key);
  if (symbol === undefined) {
    symbol = key
      .slice(key.indexOf(':') + 1)
      .replace(/[^.A-Z:/a-z0-9_-]/g, '_')
      .slice(0, 14);
    symbols.set(key, symbol);
  }
  return symbol;
}

/** A quantity in units as the instrument's integer. @throws CHM820 when it is finer than the instrument's decimals */
export function exactQty(units: number, key: KeyInfo): number {
  const qty = Math.round(units * key.qtyScale);
  if (Math.abs(units * key.qtyScale - qty) > 1e-6)
    throw new ChimeraError(
      'CHM820',
      `a quantity of ${units} is finer than the ${key.qtyDigits} decimals of ${key.name}`,
      {
        help: 'choose a quantity that is a multiple of the lot',
      },
    );
  return qty;
}
