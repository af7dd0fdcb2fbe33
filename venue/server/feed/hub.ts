import type { FeedSinks, MarketName } from '../contract.ts';

/** Where the events of a feed go, and the market time at which something derived from them is due. */
export class Hub {
  sinks: FeedSinks;
  /** Market time of the earliest derived frame that waits, µs. */
  dueUs = Number.POSITIVE_INFINITY;
  /** Market time of what was played last, µs. */
  nowUs = 0;
  /** Streams over all symbols that somebody asked for: `!miniTicker@arr` … by market. */
  readonly asked: Readonly<Record<MarketName, Set<string>>> = { usdm: new Set(), spot: new Set() };
  /** What the symbols hand in for them until all have had their turn. */
  readonly #parts = new Map<string, { market: MarketName; name: string; events: string[] }>();

  constructor(sinks: FeedSinks) {
    this.sinks = sinks;
  }
  due(us: number): void {
    if (us < this.dueUs) this.dueUs = us;
  }
  publish(market: MarketName, name: string, event: string): void {
    this.sinks.publish(market, name, event);
  }
  /** Publishes `event` on each stream of the list. */
  publishAll(market: MarketName, names: readonly string[], event: string): void {
    for (let i = 0; i < names.length; i++) this.sinks.publish(market, names[i]!, event);
  }
  /** Adds an event to an array stream over all symbols, if it was asked for. */
  collect(market: MarketName, name: string, event: string): void {
    if (!this.asked[market].has(name)) return;
    const id = `${market} ${name}`;
    const part = this.#parts.get(id);
    if (part) part.events.push(event);
    else this.#parts.set(id, { market, name, events: [event] });
  }
  flush(): void {
    if (this.#parts.size === 0) return;
    for (const p of this.#parts.values()) this.publish(p.market, p.name, `[${p.events.join(',')}]`);
    this.#parts.clear();
  }
}
