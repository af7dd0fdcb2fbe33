import type { BinanceClient } from '../client.ts';
import { reasonOf } from '../redact.ts';
import { backoffMs, Sleeper } from '../sleeper.ts';
import { parseUserEvent, type UserEvent } from './user-event.ts';

export interface UserStreamHandlers {
  /** Each event, in order of arrival; nothing is merged or kept back. */
  event(e: UserEvent): void;
  /** A frame that could not be read. */
  unreadable(reason: string): void;
  /** Connected (again): what came before must be read by REST. */
  up(): void;
  down(reason: string): void;
}
export interface UserStreamOptions {
  /** How often the listen key is renewed; it lives for 60 min. Default 20 min. */
  readonly keepAliveMs?: number;
  /** First and longest pause before connecting again. Default 250 ms and 30 s. */
  readonly backoffMs?: readonly [number, number];
  readonly secrets?: readonly (string | undefined)[];
}
type Hooked = (...args: unknown[]) => unknown;
interface WsClient {
  readonly url: string;
  close(): unknown;
}
interface Futures {
  future(hash: string): Promise<unknown>;
}
interface Hooks {
  handleMessage: Hooked;
  onConnected: Hooked;
  delay: Hooked;
  client: (url: string) => Futures;
  clients: Record<string, WsClient>;
}

/** Events that this stream takes for itself; ccxt would merge them in caches. */
const OURS = new Set([
  'ORDER_TRADE_UPDATE',
  'ALGO_UPDATE',
  'ACCOUNT_UPDATE',
  'executionReport',
  'outboundAccountPosition',
  'balanceUpdate',
]);

/**
 * The user data stream of one account, over ccxt's own connection: `watchOrders` subscribes, and every frame is taken at
 * `handleMessage`, before caches that merge what comes in one burst. Guards what ccxt leaves open: a listen key that has expired
 * (data stops, the connection stays), a dead key that is used again after a reconnect, and connecting again at all.
 */
export class UserStream {
  readonly #ex: BinanceClient;
  readonly #market: 'usdm' | 'spot';
  readonly #on: UserStreamHandlers;
  readonly #o: UserStreamOptions;
  readonly #sleeper = new Sleeper();
  #client: WsClient | undefined;
  #attempt = 0;
  #running: Promise<void> | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  connections = 0;
  frames = 0;
  expired = 0;
  connected = false;

  constructor(ex: BinanceClient, market: 'usdm' | 'spot', on: UserStreamHandlers, options: UserStreamOptions = {}) {
    this.#ex = ex;
    this.#market = market;
    this.#on = on;
    this.#o = options;
    const hooks = ex as unknown as Hooks;
    const handle = hooks.handleMessage.bind(ex);
    hooks.handleMessage = (client, message) => {
      if (this.#take(message)) return undefined;
      return handle(client, message);
    };
    const onConnected = hooks.onConnected.bind(ex);
    hooks.onConnected = (client, message) => {
      this.#client = client as WsClient;
      // On Spot the connection is the websocket API's; the stream begins with its subscription.
      if (market === 'usdm') this.#up();
      return onConnected(client, message);
    };
    // ccxt renews the key by a chain of timers for each connection it ever made; ours is one.
    hooks.delay = () => undefined;
    if (market === 'spot') awaitLogins(hooks);
  }

  start(): void {
    if (this.#running) return;
    this.#running = this.#run();
    if (this.#market === 'usdm') {
      this.#keepAlive = setInterval(() => void this.#renew(), this.#o.keepAliveMs ?? 20 * 60_000);
      this.#keepAlive.unref();
    }
  }
  /** Ends the connection; it is opened again at once. */
  reconnect(): void {
    this.#forgetKey();
    this.#client?.close();
  }
  async close(): Promise<void> {
    this.#sleeper.close();
    clearInterval(this.#keepAlive);
    // Waiting futures are rejected by this; nobody else waits for them, also when ccxt was still fetching a key.
    for (const client of Object.values((this.#ex as unknown as Hooks).clients))
      for (const future of Object.values((client as unknown as { futures: Record<string, Promise<unknown>> }).futures))
        future.catch(() => {});
    await this.#ex.close().catch(() => {});
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    const [first, longest] = this.#o.backoffMs ?? [250, 30_000];
    while (!this.#sleeper.closed) {
      if (!(await this.#sleeper.sleep(backoffMs(this.#attempt, first, longest)))) return;
      this.#attempt++;
      try {
        if (this.#market === 'spot') {
          await (this.#ex as unknown as { authenticate(p: object): Promise<unknown> }).authenticate({ type: 'spot' });
          this.#up();
        }
        // Its frames never reach ccxt, so this ends only when the connection does.
        for (;;) await this.#ex.watchOrders();
      } catch (e) {
        this.#forgetKey();
        const was = this.connected;
        this.connected = false;
        if (this.#sleeper.closed) return;
        if (was || this.#attempt <= 1) this.#on.down(reasonOf(e, this.#o.secrets));
      }
    }
  }
  #up(): void {
    if (this.connected) return;
    this.connected = true;
    this.#attempt = 0;
    this.connections++;
    this.#on.up();
  }
  #take(message: unknown): boolean {
    const name = nameOf(message);
    if (name === undefined) return false;
    this.frames++;
    let e: UserEvent | undefined;
    try {
      e = parseUserEvent(message);
    } catch (error) {
      this.#on.unreadable(reasonOf(error, this.#o.secrets));
    }
    if (e) {
      this.#on.event(e);
      if (e.kind === 'stream') {
        this.expired++;
        this.reconnect();
      }
    } else if (OURS.has(name)) this.#on.unreadable(`${name} has not the form that is documented`);
    return OURS.has(name);
  }
  async #renew(): Promise<void> {
    if (!this.connected) return;
    const api = this.#ex as unknown as Record<'fapiPrivatePutListenKey', (p: object) => Promise<unknown>>;
    try {
      await api.fapiPrivatePutListenKey({});
    } catch {
      // Gone (−1125) or not reachable: a new key comes with the next connection.
      this.reconnect();
    }
  }
  /** The next connection asks for a key; the exchange answers with the one that lives, and extends it. */
  #forgetKey(): void {
    const options = this.#ex.options as Record<string, Record<string, unknown> | undefined>;
    options['future'] = { ...options['future'], listenKey: undefined, lastAuthenticatedTime: 0 };
    if (this.#market === 'spot') {
      const hooks = this.#ex as unknown as Hooks;
      if (this.#client) delete hooks.clients[this.#client.url];
    }
  }
}

/**
 * ccxt makes a future for whoever subscribes at the same time, and rejects it with the subscription: nobody waits for it, and a
 * rejection that nobody waits for ends the process.
 */
function awaitLogins(hooks: Hooks): void {
  const client = hooks.client.bind(hooks);
  const guarded = new WeakSet<Futures>();
  hooks.client = (url) => {
    const c = client(url);
    if (guarded.has(c)) return c;
    guarded.add(c);
    const future = c.future.bind(c);
    c.future = (hash) => {
      const f = future(hash);
      if (hash.startsWith('authenticate:')) f.catch(() => {});
      return f;
    };
    return c;
  };
}

/** Name of the event in a frame, wrapped or not. */
function nameOf(message: unknown): string | undefined {
  let m = message as { e?: unknown; data?: unknown; event?: unknown } | undefined;
  for (let i = 0; i < 3 && typeof m === 'object' && m !== null; i++) {
    if (typeof m.e === 'string') return m.e;
    m = (m.data ?? m.event) as typeof m;
  }
  return undefined;
}
