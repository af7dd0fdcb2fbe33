import type { MarketName } from '../contract.ts';

export type Category = 'public' | 'market' | 'private';

/** What a websocket URL asks for. */
export type StreamPath =
  | { readonly kind: 'api'; readonly rateLimits: boolean }
  | {
      readonly kind: 'streams';
      /** Undefined: Spot, where there are none, or a USD-M connection without one. */
      readonly category: Category | undefined;
      /** Whether frames are wrapped as `{"stream","data"}`. */
      readonly combined: boolean;
      /** Names to subscribe at once; one may be a listen key. */
      readonly streams: readonly string[];
      readonly listenKeys: readonly string[];
      /** User events wanted; empty = all. */
      readonly events: readonly string[];
    };

const CATEGORIES: readonly string[] = ['public', 'market', 'private'];

/**
 * Reads the path of an upgrade request: `/ws`, `/ws/<stream>/<stream>`, `/stream?streams=a/b`, behind `/public`,
 * `/market` or `/private` on USD-M, with a number behind it as some clients have; `/ws-api/v3`, `/ws-fapi/v1`.
 * @returns undefined for any other path
 */
export function readStreamPath(market: MarketName, url: string): StreamPath | undefined {
  const mark = url.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  let path: string[];
  try {
    path = (mark < 0 ? url : url.slice(0, mark)).split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (path[0] === (market === 'usdm' ? 'ws-fapi' : 'ws-api')) {
    if (path[1] !== (market === 'usdm' ? 'v1' : 'v3')) return undefined;
    return { kind: 'api', rateLimits: query.get('returnRateLimits') !== 'false' };
  }
  let category: Category | undefined;
  if (market === 'usdm' && CATEGORIES.includes(path[0] ?? '')) category = path.shift() as Category;
  const mode = path.shift();
  if (mode !== 'ws' && mode !== 'stream') return undefined;
  let combined = mode === 'stream';
  // `…/stream/ws` is the raw form under a base that holds the word `stream`.
  if (combined && path[0] === 'ws') {
    path.shift();
    combined = false;
  }
  const streams = path.filter((s) => !/^\d+$/.test(s));
  for (const list of query.getAll('streams')) streams.push(...list.split('/').filter(Boolean));
  return {
    kind: 'streams',
    category,
    combined,
    streams: [...new Set(streams)],
    listenKeys: query.getAll('listenKey').filter(Boolean),
    events: query.getAll('events').flatMap((e) => e.split('/').filter(Boolean)),
  };
}
