import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Feed, FeedSinks, MarketListener, MarketName } from '../../contract.ts';
import { ApiError } from '../../contract.ts';
import { Params } from '../../params.ts';

/** Everything that a feed gives out, in order. */
export class Collected implements FeedSinks {
  readonly frames: { market: MarketName; stream: string; event: string }[] = [];
  /** What the listeners were told, as texts. */
  readonly told: string[] = [];
  readonly listener: FeedSinks['listener'];
  constructor() {
    const of = (market: MarketName): MarketListener => ({
      onTrade: (key, px, qty, taker, us) => this.told.push(`${market} trade ${key.name} ${px} ${qty} ${taker} ${us}`),
      onLadder: (key, l, us) =>
        this.told.push(`${market} ladder ${key.name} ${l.u} ${l.bid_px.length} ${l.ask_px.length} ${us}`),
      onBest: (key, b, us) => this.told.push(`${market} best ${key.name} ${b.u} ${b.bid_px} ${b.ask_px} ${us}`),
      onMark: (key, mark, rate, next, event, us) =>
        this.told.push(`${market} mark ${key.name} ${mark} ${rate} ${next} ${event} ${us}`),
    });
    this.listener = { usdm: of('usdm'), spot: of('spot') };
  }
  publish(market: MarketName, stream: string, event: string): void {
    this.frames.push({ market, stream, event });
  }
  /** The events of one stream, parsed. */
  of(market: MarketName, stream: string): Record<string, unknown>[] {
    return this.texts(market, stream).map((t) => JSON.parse(t) as Record<string, unknown>);
  }
  texts(market: MarketName, stream: string): string[] {
    return this.frames.filter((f) => f.market === market && f.stream === stream).map((f) => f.event);
  }
}

/** Calls a public route as the transport does. */
export function call(
  feed: Feed,
  market: MarketName,
  path: string,
  params: Readonly<Record<string, string | number>>,
  marketUs: number,
): unknown {
  const route = feed.routes(market).find((r) => r.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  const values = Object.fromEntries(Object.entries(params).map(([k, v]) => [k, String(v)]));
  return route.handle({ params: new Params(values), wallMs: Math.floor(marketUs / 1000), marketUs });
}
/** The code with which a call is refused, 0 when it is answered. */
export function codeOf(run: () => unknown): number {
  try {
    run();
    return 0;
  } catch (e) {
    if (e instanceof ApiError) return e.code;
    throw e;
  }
}

const ROOT = resolve(import.meta.dirname, '../../../..');
/** A recorded file, and whether it is there. */
export function recorded(path: string): { path: string; missing: boolean } {
  const full = join(process.env['CHIMERA_DATA'] ?? join(ROOT, '../shared/data'), path);
  return { path: full, missing: !existsSync(full) };
}
