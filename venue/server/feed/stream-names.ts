import type { Listed } from '../contract.ts';
import type { DerivedStreams } from './derived-streams.ts';
import { type Category, categoryOf, streamKind } from './symbol-streams.ts';

/**
 * The names of one symbol's streams, by what they carry. Those that cost little are always given out, the others from when
 * they were asked for.
 */
export class StreamNames {
  readonly trade: readonly string[];
  readonly agg: readonly string[];
  readonly bookTicker: readonly string[];
  readonly depth: string[];
  readonly mark: readonly string[];
  readonly force: readonly string[];
  readonly partial: { name: string; levels: number }[] = [];
  readonly #listed: Listed;
  readonly #recorded: ReadonlySet<string>;
  readonly #known = new Map<string, Category>();

  /** @param recorded names of recorded streams, of any symbol */
  constructor(l: Listed, recorded: ReadonlySet<string>) {
    this.#listed = l;
    this.#recorded = recorded;
    const s = l.symbol.toLowerCase();
    const depths = [...recorded].filter(
      (n) => n.startsWith(`${s}@`) && streamKind(l.market, n.slice(s.length + 1))?.kind === 'depth',
    );
    this.trade = [`${s}@trade`];
    this.agg = [`${s}@aggTrade`];
    this.bookTicker = [`${s}@bookTicker`];
    this.depth = [...new Set([`${s}@depth`, `${s}@depth@100ms`, ...depths])];
    this.mark = [`${s}@markPrice`, `${s}@markPrice@1s`];
    this.force = [`${s}@forceOrder`];
  }

  /** Whether a stream of that name exists here; from now on it is given out, by `derived` where it is not recorded. */
  ask(name: string, derived: DerivedStreams): Category | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const { market, symbol } = this.#listed;
    const kind = streamKind(market, name.slice(symbol.length + 1));
    if (kind === undefined) return undefined;
    const recorded = this.#recorded.has(name);
    if (kind.kind === 'depth' && !this.depth.includes(name)) this.depth.push(name);
    else if (kind.kind === 'partial' && !recorded) this.partial.push({ name, levels: kind.levels });
    else if (kind.kind === 'kline' && !recorded) derived.askKline(name, kind.interval);
    else if ((kind.kind === 'miniTicker' || kind.kind === 'ticker') && !recorded)
      derived.askTicker(name, kind.kind === 'miniTicker');
    const category = categoryOf(kind.kind);
    this.#known.set(name, category);
    return category;
  }
}
