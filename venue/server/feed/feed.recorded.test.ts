import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createFeed } from './index.ts';
import { Collected, call, recorded } from './testing/collect.ts';

const NO_DATA = 'recorded data is not here';
interface Frame {
  us: number;
  stream: string;
  data: Record<string, unknown>;
  text: string;
}
/** The recording read in the plainest way: JSON.parse of every line. Time in the file's own unit, as µs. */
function framesOf(path: string): Frame[] {
  const out: Frame[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString().split('\n')) {
    const m = /^(\d{16})(\d{3})? (\{.*\})$/.exec(line);
    if (!m) continue;
    const o = JSON.parse(m[3]!) as { stream?: string; data?: Record<string, unknown> } & Record<string, unknown>;
    const text = o.stream === undefined ? '' : m[3]!.slice(m[3]!.indexOf('"data":') + 7, -1);
    out.push({ us: Number(m[1]), stream: o.stream ?? '', data: o.data ?? o, text });
  }
  return out;
}
type Levels = [string, string][];
/** An independent book: the exchange's documented procedure over maps of numbers. */
class PlainBook {
  bids = new Map<number, number>();
  asks = new Map<number, number>();
  u = -1;
  waiting: Record<string, unknown>[] = [];
  diff(d: Record<string, unknown>): void {
    if (this.u < 0) this.waiting.push(d);
    else this.apply(d);
  }
  apply(d: Record<string, unknown>): void {
    if ((d['u'] as number) < this.u) return;
    this.levels(d['b'] as Levels, d['a'] as Levels);
    this.u = d['u'] as number;
  }
  levels(b: Levels, a: Levels): void {
    for (const [book, levels] of [
      [this.bids, b],
      [this.asks, a],
    ] as const)
      for (const [px, qty] of levels)
        if (Number(qty) === 0) book.delete(Number(px));
        else book.set(Number(px), Number(qty));
  }
  snapshot(d: Record<string, unknown>): void {
    this.levels(d['bids'] as Levels, d['asks'] as Levels);
    this.u = d['lastUpdateId'] as number;
    for (const w of this.waiting) this.apply(w);
    this.waiting = [];
  }
  side(bids: boolean, n: number): number[][] {
    return [...(bids ? this.bids : this.asks)].sort((x, y) => (bids ? y[0] - x[0] : x[0] - y[0])).slice(0, n);
  }
}
const numbers = (levels: unknown): number[][] => (levels as Levels).map(([p, q]) => [Number(p), Number(q)]);

const FILES = [
  ['usdm', 'binance-raw/usdm-btcusdt-20230404.gz'],
  ['usdm', 'binance-raw/usdm-btcusdt-20240718.gz'],
  ['usdm', 'binance-raw/usdm-btcusdt-20240808.gz'],
  ['spot', 'binance-raw/spot-btcusdt-20240808.gz'],
] as const;

describe.each(FILES)('a recording played (%s, %s)', (market, name) => {
  const { path, missing } = recorded(name);
  it.skipIf(missing)(`gives out every frame once, in order, byte for byte (${NO_DATA} otherwise)`, async () => {
    const seen = new Collected();
    const feed = await createFeed({ inputs: [path], sinks: seen });
    expect(feed.listed.map((l) => l.key.name)).toEqual([`${market}:BTCUSDT`]);
    for (const stream of ['depth', 'depth@0ms', 'depth@500ms', 'markPrice@1s'])
      if (!(market === 'spot' && stream.startsWith('mark')))
        expect(feed.stream(market, `btcusdt@${stream}`)).toBeDefined();
    while (!feed.ended) feed.advance(feed.nextUs() + 777_777);
    await feed.close();
    const frames = framesOf(path);
    const texts = (kind: string): string[] =>
      frames.filter((f) => f.stream.startsWith(`btcusdt@${kind}`)).map((f) => f.text);
    for (const [kind, streams] of [
      ['trade', ['btcusdt@trade']],
      ['bookTicker', ['btcusdt@bookTicker']],
      ['depth', ['btcusdt@depth', 'btcusdt@depth@100ms', 'btcusdt@depth@0ms', 'btcusdt@depth@500ms']],
      ['markPrice', market === 'usdm' ? ['btcusdt@markPrice', 'btcusdt@markPrice@1s'] : []],
    ] as const)
      for (const stream of streams) expect(seen.texts(market, stream)).toEqual(texts(kind));
    const ids = frames.filter((f) => f.data['e'] === 'trade').map((f) => f.data['t']);
    const aggs = seen.of(market, 'btcusdt@aggTrade');
    const covered = aggs.flatMap((a) =>
      Array.from({ length: (a['l'] as number) - (a['f'] as number) + 1 }, (_, i) => (a['f'] as number) + i),
    );
    expect(covered).toEqual(ids);
  });

  it.skipIf(missing)(`answers with the book of that moment (${NO_DATA} otherwise)`, async () => {
    const frames = framesOf(path);
    const feed = await createFeed({ inputs: [path] });
    const plain = new PlainBook();
    const route = market === 'usdm' ? '/fapi/v1/depth' : '/api/v3/depth';
    let next = 1;
    let compared = 0;
    let early = 0;
    let tradeId = 0;
    for (const [i, f] of frames.entries()) {
      if (f.data['e'] === 'depthUpdate') plain.diff(f.data);
      else if (f.data['lastUpdateId'] !== undefined) plain.snapshot(f.data);
      else if (f.data['e'] === 'trade') tradeId = f.data['t'] as number;
      // At moments that no rule of the feed knows, but never between frames of one µs.
      if (i < next || frames[i + 1]?.us === f.us) continue;
      next = i + 1 + ((i * 7919) % 97) * (frames.length > 50_000 ? 12 : 2);
      feed.advance(f.us);
      const book = call(feed, market, route, { symbol: 'BTCUSDT', limit: 1000 }, f.us) as Record<string, unknown>;
      if (plain.u < 0) {
        early++;
        expect(book['lastUpdateId']).toBeGreaterThan(0);
        continue;
      }
      compared++;
      expect(book['lastUpdateId']).toBe(plain.u);
      expect(numbers(book['bids'])).toEqual(plain.side(true, 1000));
      expect(numbers(book['asks'])).toEqual(plain.side(false, 1000));
      if (tradeId === 0) continue;
      const trades = call(feed, market, route.replace('depth', 'trades'), { symbol: 'BTCUSDT', limit: 1 }, f.us);
      expect(trades).toMatchObject([{ id: tradeId }]);
    }
    expect(compared).toBeGreaterThan(50);
    expect(early).toBeLessThan(compared);
    await feed.close();
  });
});

describe('several recordings at once', () => {
  const files = ['cryptofeed/BINANCE_FUTURES.ws.1.0.gz', 'cryptofeed/BINANCE_FUTURES.http.0.0.gz'].map(recorded);
  it.skipIf(files.some((f) => f.missing))(
    `are merged by time, each stream whole, with books from snapshots of another file (${NO_DATA} otherwise)`,
    async () => {
      const seen = new Collected();
      const feed = await createFeed({ inputs: files.map((f) => f.path), sinks: seen });
      expect(feed.listed.map((l) => l.symbol).sort()).toEqual(['AKROUSDT', 'CTKUSDT', 'KEEPUSDT', 'SUSHIUSDT']);
      feed.advance(Number.POSITIVE_INFINITY);
      const count = (s: string): number => seen.texts('usdm', s).length;
      expect(
        ['sushiusdt@depth@100ms', 'sushiusdt@aggTrade', 'ctkusdt@kline_1m', 'akrousdt@bookTicker'].map(count),
      ).toEqual([255, 40, 32, 88]);
      for (const l of feed.listed) {
        const book = call(feed, 'usdm', '/fapi/v1/depth', { symbol: l.symbol }, 0) as Record<string, unknown>;
        const [bids, asks] = [numbers(book['bids']), numbers(book['asks'])];
        expect(bids[0]![0]!).toBeLessThan(asks[0]![0]!);
        expect(bids.length).toBeGreaterThan(100);
      }
      await feed.close();
    },
  );
});
