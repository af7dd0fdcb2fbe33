import { KeyTable } from '../../../graph/schema/index.ts';
import { BlockWriter } from '../../synthetic/block-writer.ts';
import { type Profile, profileOf } from '../../synthetic/profile.ts';
import { SymbolMarket } from '../../synthetic/symbol-market.ts';
import type { MarketName } from '../contract.ts';
import type { Driver } from './driver.ts';
import type { Hub } from './hub.ts';
import { listed } from './instrument.ts';
import type { SymbolFeed } from './symbol-feed.ts';

export interface SyntheticOptions {
  readonly symbols: readonly string[];
  readonly markets: readonly MarketName[];
  readonly seed: number;
  /** Market time of the start, µs. */
  readonly startUs: number;
  /** Actions of agents per second and symbol at rest. */
  readonly rate: number;
  readonly depthEveryUs: number;
  readonly fundingUs: number;
}

/** Spot has finer lots than the contract of the same name; prices keep the ticks that the agents are made for. */
const SPOT_QTY_DIGITS: Readonly<Record<string, number>> = { BTCUSDT: 5, ETHUSDT: 4, SOLUSDT: 3, BNBUSDT: 3 };

function profile(market: MarketName, symbol: string): Profile {
  const p = profileOf(symbol);
  const digits = market === 'spot' ? (SPOT_QTY_DIGITS[symbol] ?? p.qtyDigits) : p.qtyDigits;
  return { ...p, qtyDigits: digits, lot: Math.round(p.lot * 10 ** (digits - p.qtyDigits)) };
}

/** The synthetic market of both exchanges, without end: the same seed gives the same frames. */
export class SyntheticDriver implements Driver {
  readonly symbols: Driver['symbols'];
  feeds: (SymbolFeed | undefined)[] = [];
  readonly #out = new BlockWriter(0);
  readonly #markets: SymbolMarket[] = [];
  readonly #hub: Hub;
  #earliest: SymbolMarket;

  constructor(o: SyntheticOptions, hub: Hub) {
    this.#hub = hub;
    const keys = new KeyTable();
    const symbols: { listed: ReturnType<typeof listed>; holds: Driver['symbols'][number]['holds'] }[] = [];
    for (const market of o.markets)
      for (const symbol of o.symbols) {
        const p = profile(market, symbol);
        const key = keys.declare(`${market}:${symbol}`, p.pxDigits, p.qtyDigits);
        const options = {
          startUs: o.startUs,
          rate: o.rate,
          depthEveryUs: o.depthEveryUs,
          fundingUs: o.fundingUs,
          outageUs: 0,
        };
        this.#markets.push(new SymbolMarket(key, key.index, p, o.seed, this.#out, options));
        symbols.push({
          listed: listed(key),
          holds: { trades: true, aggregates: false, tickers: true, diffs: true, streams: new Set<string>() },
        });
      }
    this.symbols = symbols;
    this.#earliest = this.#markets[0]!;
    this.#choose();
  }
  #choose(): void {
    let next = this.#markets[0]!;
    for (const m of this.#markets) if (m.nextUs < next.nextUs) next = m;
    this.#earliest = next;
  }
  /** The market of an instrument, for an account that trades in its book. */
  marketOf(key: number): SymbolMarket | undefined {
    return this.#markets[key];
  }
  nextUs(): number {
    // What an account did in the book between two actions of agents waits to be given out.
    this.#out.flush();
    const waiting = this.#out.full[0];
    return waiting === undefined ? this.#earliest.nextUs : Math.min(waiting.t[0]!, this.#earliest.nextUs);
  }
  play(limitUs: number): void {
    const hub = this.#hub;
    this.#give();
    while (this.#earliest.nextUs <= limitUs && this.#earliest.nextUs < hub.dueUs) {
      this.#earliest.advance();
      this.#choose();
      this.#give();
    }
  }
  #give(): void {
    const out = this.#out;
    const hub = this.#hub;
    out.flush();
    for (let block = out.full.shift(); block !== undefined; block = out.full.shift()) {
      for (let i = 0; i < block.n; i++) {
        const port = block.port[i]!;
        // Orders from outside may carry a time that has passed.
        const us = Math.max(hub.nowUs, block.t[i]!);
        hub.nowUs = us;
        this.feeds[block.key[i]!]!.play(port, block.ports[port]!.columns, block.row[i]!, us, null);
      }
      out.recycle(block);
    }
  }
  lookAhead(): undefined {
    return undefined;
  }
  close(): void {}
}
