import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BinanceAccess, MarketName } from '../access.ts';

interface Trade {
  id: number;
  px: string;
  qty: string;
  time: number;
  maker: boolean;
}
interface Line {
  socket: WebSocket;
  raw: Socket;
  streams: Set<string>;
  path: string;
}

/**
 * A small exchange on loopback that does what a test tells it: it makes trades, book diffs and prices of one instrument,
 * sends them or keeps them back, answers REST from what it made, and cuts lines.
 */
export class ScriptedExchange {
  readonly market: MarketName;
  readonly symbol = 'BTCUSDT';
  readonly trades: Trade[] = [];
  /** Update id of the book, and what each diff was. */
  u = 1_000_000;
  requests: string[] = [];
  /** Next REST requests whose path has the text are answered by this. */
  rest: { path: string; status: number; body: unknown; times: number }[] = [];
  /** REST depth answers come from this many diffs ago. */
  depthBehind = 0;
  /** Trades that REST does not give. */
  readonly hidden = new Set<number>();
  /** Streams that are refused. */
  refuse = '';
  funding: { fundingRate: string; fundingTime: number }[] = [
    { fundingRate: '0.00010000', fundingTime: 1_760_000_000_000 },
  ];
  accepted = 0;
  readonly #http: Server;
  readonly #ws: WebSocketServer;
  readonly #lines = new Set<Line>();
  #us: number[] = [];
  #waiters: { want: () => boolean; done: () => void }[] = [];

  private constructor(market: MarketName) {
    this.market = market;
    this.#http = createServer((req, res) => this.#answer(req, res));
    this.#ws = new WebSocketServer({ server: this.#http });
    this.#ws.on('connection', (socket, req) => {
      this.accepted++;
      const line: Line = { socket, raw: req.socket, streams: new Set(), path: req.url ?? '' };
      this.#lines.add(line);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#lines.delete(line);
        this.#changed();
      });
      socket.on('message', (data) => this.#subscribe(line, String(data)));
    });
  }
  static async start(market: MarketName): Promise<ScriptedExchange> {
    const e = new ScriptedExchange(market);
    await new Promise<void>((resolve) => e.#http.listen(0, '127.0.0.1', resolve));
    return e;
  }
  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }
  /** Connections open now. */
  get lines(): number {
    return this.#lines.size;
  }
  get access(): BinanceAccess {
    const at = `127.0.0.1:${this.port}`;
    const ws = this.market === 'usdm' ? `ws://${at}/ws` : `ws://${at}/stream/ws`;
    return {
      kind: 'local',
      [this.market]: { rest: `http://${at}`, ws },
      apiKey: 'test-key-1',
      secret: 'test-secret-1',
    };
  }
  async close(): Promise<void> {
    for (const l of this.#lines) l.socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Resolves once a stream (`@trade`) has a subscriber. */
  subscribed(stream: string): Promise<void> {
    return this.until(() => [...this.#lines].some((l) => [...l.streams].some((s) => s.includes(stream))));
  }
  until(want: () => boolean): Promise<void> {
    if (want()) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ want, done }));
  }
  /** Ends the connections that carry a stream (all by default), without a goodbye. */
  cut(stream = ''): void {
    for (const l of this.#lines)
      if (stream === '' || [...l.streams].some((s) => s.includes(stream))) l.socket.terminate();
  }
  /** Sends any text to the subscribers of a stream. */
  raw(stream: string, ...texts: string[]): void {
    for (const l of this.#lines) {
      if (![...l.streams].some((s) => s.includes(stream))) continue;
      // One write for all of them: they arrive in one chunk.
      l.raw.cork();
      for (const t of texts) l.socket.send(t);
      l.raw.uncork();
    }
  }

  /** Makes `n` trades and returns their frames. */
  makeTrades(n: number): string[] {
    return Array.from({ length: n }, () => {
      const id = 5_000_000 + this.trades.length;
      const t = {
        id,
        px: (60_000 + (id % 977) / 10).toFixed(2),
        qty: ((1 + (id % 50)) / 1000).toFixed(3),
        time: 1_760_000_000_000 + id - 5_000_000,
        maker: id % 3 === 0,
      };
      this.trades.push(t);
      const best = this.market === 'usdm' ? ',"X":"MARKET"' : '';
      return `{"e":"trade","E":${t.time},"T":${t.time},"s":"BTCUSDT","t":${id},"p":"${t.px}","q":"${t.qty}"${best},"m":${t.maker}${this.market === 'spot' ? ',"M":true' : ''}}`;
    });
  }
  /** Makes `n` depth diffs and returns their frames. */
  makeDiffs(n: number): string[] {
    return Array.from({ length: n }, () => {
      const before = this.u;
      this.u += 3;
      this.#us.push(before);
      const pu = this.market === 'usdm' ? `,"T":1760000000000,"pu":${before}` : '';
      return `{"e":"depthUpdate","E":1760000000000,"s":"BTCUSDT","U":${before + 1},"u":${this.u}${pu},"b":[["60000.10","${(before % 9) + 1}.5"]],"a":[["60000.20","1.25"]]}`;
    });
  }
  ticker(u: number): string {
    const t = this.market === 'usdm' ? '"e":"bookTicker","E":1760000000000,"T":1760000000000,' : '';
    return `{${t}"u":${u},"s":"BTCUSDT","b":"60000.10","B":"1.5","a":"60000.20","A":"2.25"}`;
  }
  mark(eventMs: number, nextFundingMs: number): string {
    return `{"e":"markPriceUpdate","E":${eventMs},"s":"BTCUSDT","p":"60000.12345678","i":"60000.1","P":"60000.2","r":"0.00010000","T":${nextFundingMs}}`;
  }

  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters)
      if (w.want()) w.done();
      else this.#waiters.push(w);
  }
  #subscribe(line: Line, text: string): void {
    const { params, id } = JSON.parse(text) as { params: string[]; id: number };
    if (this.refuse !== '' && params.some((p) => p.includes(this.refuse))) {
      line.socket.send(JSON.stringify({ error: { code: 2, msg: 'Invalid request: unknown stream' }, id }));
      return;
    }
    for (const p of params) line.streams.add(p);
    line.socket.send(JSON.stringify({ result: null, id }));
    this.#changed();
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '/', 'http://x');
    this.requests.push(`${url.pathname}${url.search}`);
    const scripted = this.rest.find((r) => r.times > 0 && url.pathname.includes(r.path));
    const [status, body] = scripted ? [scripted.status, scripted.body] : [200, this.#reply(url)];
    if (scripted) scripted.times--;
    res.writeHead(body === undefined ? 404 : status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body ?? { code: -1, msg: 'no such path' }));
    queueMicrotask(() => this.#changed());
  }
  #reply(url: URL): unknown {
    const path = url.pathname.split('/').at(-1);
    const from = Number(url.searchParams.get('fromId') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? 500);
    const trades = this.trades.filter((t) => !this.hidden.has(t.id));
    switch (path) {
      case 'time':
        return { serverTime: Date.now() };
      case 'exchangeInfo':
        return exchangeInfo(this.market);
      case 'historicalTrades':
        return trades
          .filter((t) => t.id >= from)
          .slice(0, limit)
          .map((t) => ({ id: t.id, price: t.px, qty: t.qty, quoteQty: '1', time: t.time, isBuyerMaker: t.maker }));
      case 'depth': {
        const u = this.depthBehind > 0 ? (this.#us.at(-this.depthBehind) ?? 1) : this.u;
        const T = this.market === 'usdm' ? { E: 1_760_000_000_000, T: 1_760_000_000_000 } : {};
        return { lastUpdateId: u, ...T, bids: [['60000.10', '1.5']], asks: [['60000.20', '2.25']] };
      }
      case 'fundingInfo':
        return [{ symbol: 'BTCUSDT', fundingIntervalHours: 4 }];
      case 'fundingRate': {
        const start = Number(url.searchParams.get('startTime') ?? 0);
        return this.funding.filter((f) => f.fundingTime >= start).map((f) => ({ symbol: 'BTCUSDT', ...f }));
      }
      default:
        return undefined;
    }
  }
}

const exchangeInfo = (market: MarketName): unknown => ({
  timezone: 'UTC',
  serverTime: 1_760_000_000_000,
  rateLimits: [],
  exchangeFilters: [],
  symbols: [
    {
      symbol: 'BTCUSDT',
      ...(market === 'spot'
        ? { isSpotTradingAllowed: true, permissions: ['SPOT'] }
        : {
            pair: 'BTCUSDT',
            contractType: 'PERPETUAL',
            deliveryDate: 4_133_404_800_000,
            onboardDate: 1_569_398_400_000,
            marginAsset: 'USDT',
            pricePrecision: 2,
            quantityPrecision: 3,
          }),
      status: 'TRADING',
      baseAsset: 'BTC',
      quoteAsset: 'USDT',
      baseAssetPrecision: 8,
      quotePrecision: 8,
      orderTypes: ['LIMIT', 'MARKET'],
      filters: [
        {
          filterType: 'PRICE_FILTER',
          minPrice: '0.10',
          maxPrice: '1000000',
          tickSize: market === 'usdm' ? '0.10' : '0.01000000',
        },
        {
          filterType: 'LOT_SIZE',
          minQty: '0.001',
          maxQty: '1000',
          stepSize: market === 'usdm' ? '0.001' : '0.00001000',
        },
      ],
    },
  ],
});
