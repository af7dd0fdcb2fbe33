/** A made-up but consistent USD-M recording: chains, ids and times go on as in a real one. One line per frame. */
export interface RecordingOptions {
  symbol?: string;
  lines: number;
  seed?: number;
  /** µs since the epoch of the first line. */
  startUs?: number;
  market?: 'usdm' | 'spot';
  snapshot?: boolean;
}
export interface RecordedLine {
  kind: 'trade' | 'book_ticker' | 'depth' | 'snapshot';
  text: string;
}

export function recording(o: RecordingOptions): RecordedLine[] {
  const symbol = o.symbol ?? 'BTCUSDT';
  const usdm = o.market !== 'spot';
  const random = generator(o.seed ?? 1);
  const lines: RecordedLine[] = [];
  let us = o.startUs ?? 1_700_000_000_000_000;
  let u = 1_000_000;
  let pu = u;
  let trade = 500;
  const stream = (name: string, data: unknown): string =>
    JSON.stringify({ stream: `${symbol.toLowerCase()}@${name}`, data });
  const px = (ticks: number): string => (ticks / 10).toFixed(2);
  const qty = (): string => (Math.floor(random() * 5000) / 1000).toFixed(3);
  for (let i = 0; i < o.lines; i++) {
    us += 50 + Math.floor(random() * 20_000);
    const ms = Math.floor(us / 1000) - 3;
    const times = usdm ? { E: ms, T: ms - 1 } : { E: ms };
    const put = (kind: RecordedLine['kind'], frame: string): void => {
      lines.push({ kind, text: `${us}${String(Math.floor(random() * 1000)).padStart(3, '0')} ${frame}` });
    };
    if (i === 2 && o.snapshot !== false) {
      const levels = (from: number, step: number): string[][] =>
        Array.from({ length: 20 }, (_, k) => [px(from + step * k), qty()]);
      put(
        'snapshot',
        JSON.stringify({
          lastUpdateId: u,
          ...(usdm ? times : {}),
          bids: levels(3_000_000, -1),
          asks: levels(3_000_001, 1),
        }),
      );
      continue;
    }
    const dice = random();
    if (dice < 0.3) {
      trade++;
      const mark = usdm ? { X: 'MARKET', m: random() < 0.5 } : { m: random() < 0.5, M: true };
      put(
        'trade',
        stream('trade', {
          e: 'trade',
          E: ms,
          T: ms - 1,
          s: symbol,
          t: trade,
          p: px(3_000_000),
          q: `0.${1 + Math.floor(random() * 900)}`,
          ...mark,
        }),
      );
    } else if (dice < 0.7) {
      u += 1 + Math.floor(random() * 3);
      const quote = { u, s: symbol, b: px(3_000_000), B: qty(), a: px(3_000_001), A: qty() };
      put('book_ticker', stream('bookTicker', usdm ? { e: 'bookTicker', ...quote, ...times } : quote));
    } else {
      const first = usdm ? pu + 1 + Math.floor(random() * 2) : pu + 1;
      u = Math.max(u, first) + 1;
      const level = (side: number): string[] => [px(3_000_000 + side * (2 + Math.floor(random() * 10))), qty()];
      const diff = {
        e: 'depthUpdate',
        ...times,
        s: symbol,
        U: first,
        u,
        ...(usdm ? { pu } : {}),
        b: [level(-1)],
        a: random() < 0.2 ? [] : [level(1), level(1)],
      };
      put('depth', stream('depth@100ms', diff));
      pu = u;
    }
  }
  return lines;
}

/** A small seeded generator (mulberry32), so that a test's data never changes. */
export function generator(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
