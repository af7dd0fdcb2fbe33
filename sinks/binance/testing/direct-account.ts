import { createHmac } from 'node:crypto';
import { formatDecimal } from '../../../graph/math/index.ts';
import { type Brought, GatewayDriver } from './gateway-driver.ts';

/** Where an exchange answers, as `chimera venue` says it in its first line. */
export interface ExchangeAddress {
  readonly usdm: { readonly rest: string; readonly ws: string };
  readonly api_key: string;
  readonly secret: string;
}
export type Row = Readonly<Record<string, string | number>>;

const SYMBOL = 'BTCUSDT';

/** The account as the exchange itself has it: asked past ccxt and past the gateway. */
export class DirectAccount {
  readonly #at: ExchangeAddress;

  constructor(at: ExchangeAddress) {
    this.#at = at;
  }
  /** One object or a list. @param params of a signed request; a fault that hits is asked again */
  async ask(path: string, params?: Readonly<Record<string, string | number>>): Promise<unknown> {
    const { usdm, api_key, secret } = this.#at;
    for (let i = 0; ; i++) {
      let url = `${usdm.rest}${path}`;
      if (params) {
        const all = Object.entries({ ...params, timestamp: Date.now() });
        const texts = all.map(([k, v]): [string, string] => [k, String(v)]);
        const query = new URLSearchParams(texts).toString();
        url += `?${query}&signature=${createHmac('sha256', secret).update(query).digest('hex')}`;
      }
      const answer = await fetch(url, { headers: { 'X-MBX-APIKEY': api_key } });
      if (answer.ok || i === 20) return answer.json();
    }
  }
  async list(path: string): Promise<Row[]> {
    return (await this.ask(path, { symbol: SYMBOL, limit: 1000 })) as Row[];
  }
  async bid(): Promise<number> {
    return Number(((await this.ask(`/fapi/v1/ticker/bookTicker?symbol=${SYMBOL}`)) as Row)['bidPrice']);
  }
  async position(): Promise<Row | undefined> {
    return ((await this.ask('/fapi/v3/positionRisk', { symbol: SYMBOL })) as Row[])[0];
  }
  async decimals(): Promise<[px: number, qty: number]> {
    const info = (await this.ask('/fapi/v1/exchangeInfo')) as { symbols: Row[] };
    const s = info.symbols.find((x) => x['symbol'] === SYMBOL)!;
    return [Number(s['pricePrecision']), Number(s['quantityPrecision'])];
  }

  /** A gateway to this account, once it knows its wallet. Its state is in `dir`: opened there again, it goes on. */
  async gateway(dir: string, times: Map<number, number>, config: Record<string, unknown> = {}): Promise<GatewayDriver> {
    const { usdm, api_key: apiKey, secret } = this.#at;
    const driver = await GatewayDriver.open({
      dir,
      times,
      access: { kind: 'local', usdm, apiKey, secret },
      config: { leverage: 20, ...config },
      instruments: [[`usdm:${SYMBOL}`, ...(await this.decimals())]],
    });
    try {
      await driver.until(() => driver.rows.some((r) => r.port === 'account'));
    } catch (e) {
      await driver.close();
      throw e;
    }
    return driver;
  }
}

/** What a trade is, on both sides, so that the two can be compared. */
const tradeOf = (id: unknown, side: unknown, px: unknown, qty: unknown, fee: number, pnl: number): string =>
  `${id} ${String(side).toLowerCase()} ${qty}@${px} fee ${fee} pnl ${pnl}`;
const money = (text: unknown): number => Math.round(Number(text) * 1e8);

/**
 * What the reports say was traded. A gateway that was restarted tells again what had not been committed (`again`); within one
 * life nothing may come twice. `behind`: a trade that came behind one with a higher id.
 * @param lives what each life of the gateway brought, in order
 */
export function tradesTold(lives: readonly (readonly Brought[])[], pxDigits: number, qtyDigits: number) {
  const byId = new Map<number, string>();
  const quantities = new Map<string, number>();
  const told = { trades: [] as string[], quantities, position: 0, again: 0, twice: 0, behind: 0 };
  let last = -1;
  for (const life of lives) {
    const seen = new Set<number>();
    for (const { port, values: v } of life) {
      if (port !== 'report' || v['exec'] !== 'trade') continue;
      const id = v['trade_id'] as number;
      if (seen.has(id)) told.twice++;
      else if (byId.has(id)) told.again++;
      else if (id < last) told.behind++;
      last = Math.max(last, id);
      seen.add(id);
      const lots = v['last_qty'] as number;
      const px = formatDecimal(v['last_px'] as number, pxDigits);
      const qty = formatDecimal(lots, qtyDigits);
      const trade = tradeOf(id, v['side'], px, qty, v['fee'] as number, v['realized_pnl'] as number);
      if (byId.get(id) === trade) continue;
      // Told again in other words: it will be found beside the first.
      byId.set(byId.has(id) ? -id : id, trade);
      told.position += v['side'] === 'buy' ? lots : -lots;
      const name = String(v['client_id']);
      quantities.set(name, (quantities.get(name) ?? 0) + lots);
    }
  }
  told.trades = [...byId].sort(([a], [b]) => a - b).map(([, trade]) => trade);
  return told;
}
/** The same of the exchange's own list. */
export const tradesDone = (rows: readonly Row[]): string[] =>
  rows.map((t) =>
    tradeOf(t['id'], t['side'], Number(t['price']), Number(t['qty']), money(t['commission']), money(t['realizedPnl'])),
  );
