import type { BinanceClient } from './client.ts';
import { backoffMs, type Sleeper } from './sleeper.ts';

/** The parts of ccxt's websocket client that are read or hooked on the instance. */
interface WsClient {
  url: string;
  connection?: { ping(): void; terminate(): void; readyState: number };
  onMessage(event: { data: unknown }): void;
  onPong(): void;
  onPing(): void;
  onClose(event: unknown): void;
  send(message: unknown): Promise<unknown>;
}
type Clients = { clients: Record<string, WsClient>; client(url: string): WsClient };

export interface LoopOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** A connection that lived this long counts as good: the next attempt is immediate. */
  readonly stableMs: number;
  readonly heartbeatMs: number;
  /** Longest time without data; Infinity for streams that may be silent. */
  readonly silenceMs: number;
  /** A connection is replaced when it is this old, with an overlap. */
  readonly maxAgeMs: number;
}
export interface LoopEvents {
  text(data: string, connection: Connection): void;
  lost(reason: string): void;
}

/** One websocket, from the call that opens it to its end. */
export class Connection {
  client: WsClient | undefined;
  acknowledged = false;
  /** Data frames, and everything that was heard (frames, pings, pongs). */
  frames = 0;
  heard = 0;
  openedMs = Date.now();
  readonly ended: Promise<string>;
  /** Why we closed it. */
  why: string | undefined;
  readonly #end: (reason: string) => void;

  constructor() {
    let end: (reason: string) => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }
  end(reason: string): void {
    this.#end(this.why ?? reason);
  }
  /** Closes it at once, without the closing handshake that a dead peer would not answer. */
  terminate(reason: string): void {
    this.why ??= reason;
    const socket = this.client?.connection;
    if (socket === undefined) this.end(reason);
    else socket.terminate();
  }
}

/**
 * Hooks the creation of ccxt's websocket clients on the instance, so that each is known before it connects. Messages are taken
 * from it as text, before ccxt parses them into its caches (which lose events in a burst). ccxt makes the connections and the
 * subscriptions and answers pings.
 */
export class ClientHook {
  #onNew: ((client: WsClient) => void) | undefined;

  constructor(ex: BinanceClient) {
    const target = ex as unknown as Clients;
    const create = target.client.bind(ex);
    target.client = (url) => {
      const known = target.clients?.[url];
      const client = create(url);
      if (client !== known) this.#onNew?.(client);
      return client;
    };
  }
  /** Calls a `watch…`, which reaches `client(url)` before its first await, and tells the client that it makes. */
  watch(subscribe: () => Promise<unknown>, onNew: (client: WsClient) => void): Promise<unknown> {
    this.#onNew = onNew;
    try {
      return subscribe();
    } catch (e) {
      return Promise.reject(e as Error);
    } finally {
      this.#onNew = undefined;
    }
  }
}

/** Keeps one kind of stream connected: opens, watches, reopens with growing delay, replaces before it gets too old. */
export class StreamLoop {
  readonly kind: string;
  reconnects = 0;
  opens = 0;
  current: Connection | undefined;
  /** The successor while both are open. */
  next: Connection | undefined;
  lastHeardMs = Date.now();
  lastDataMs = Date.now();
  readonly #ex: BinanceClient;
  readonly #hook: ClientHook;
  readonly #subscribe: () => Promise<unknown>;
  readonly #options: LoopOptions;
  readonly #events: LoopEvents;
  readonly #sleeper: Sleeper;
  #heard = 0;
  #frames = 0;
  #nextSinceMs = 0;

  constructor(
    kind: string,
    ex: BinanceClient,
    hook: ClientHook,
    subscribe: () => Promise<unknown>,
    options: LoopOptions,
    events: LoopEvents,
    sleeper: Sleeper,
  ) {
    this.kind = kind;
    this.#ex = ex;
    this.#hook = hook;
    this.#subscribe = subscribe;
    this.#options = options;
    this.#events = events;
    this.#sleeper = sleeper;
  }

  async run(): Promise<void> {
    let attempt = 0;
    while (!this.#sleeper.closed) {
      const opened = Date.now();
      let connection = this.#open();
      this.current = connection;
      for (;;) {
        const reason = await connection.ended;
        if (this.#sleeper.closed) return;
        // Replaced: the successor is what counts now.
        if (this.current !== connection && this.current !== undefined) {
          connection = this.current;
          continue;
        }
        this.#dropNext();
        this.current = undefined;
        this.#events.lost(reason);
        break;
      }
      this.reconnects++;
      attempt = Date.now() - opened >= this.#options.stableMs ? 0 : attempt + 1;
      if (!(await this.#sleeper.sleep(backoffMs(attempt, this.#options.baseMs, this.#options.maxMs)))) return;
    }
  }

  /** Called now and then: pings, ends what is dead, replaces what is old. */
  tend(now: number): void {
    const c = this.current;
    if (c === undefined) return;
    const o = this.#options;
    if (c.heard !== this.#heard) this.lastHeardMs = now;
    if (c.frames !== this.#frames) this.lastDataMs = now;
    this.#heard = c.heard;
    this.#frames = c.frames;
    const heardAgo = now - Math.max(this.lastHeardMs, c.openedMs);
    if (heardAgo >= o.heartbeatMs) c.terminate(`nothing was heard for ${heardAgo} ms`);
    else if (now - Math.max(this.lastDataMs, c.openedMs) >= o.silenceMs)
      c.terminate(`no data for ${o.silenceMs} ms on a stream that is never silent`);
    else {
      if (heardAgo >= o.heartbeatMs / 3 && c.client?.connection?.readyState === 1) c.client.connection.ping();
      if (this.next === undefined && now - c.openedMs >= o.maxAgeMs) this.replace();
      else this.#handOver(now);
    }
  }

  /** Opens a second connection; once data come over it the first is closed. What comes over both is taken once. */
  replace(): void {
    const old = this.current;
    if (old === undefined || this.next !== undefined || this.#sleeper.closed) return;
    this.#freshStream(old);
    this.#nextSinceMs = Date.now();
    const next = this.#open();
    this.next = next;
    void next.ended.then(() => {
      if (this.next === next) this.next = undefined;
    });
  }
  #handOver(now: number): void {
    const next = this.next;
    const old = this.current;
    if (next === undefined || old === undefined || !next.acknowledged) return;
    // Streams that may be silent get a moment of overlap instead of a first frame.
    if (next.frames === 0 && now - this.#nextSinceMs < this.#options.heartbeatMs) return;
    this.next = undefined;
    this.current = next;
    this.#heard = next.heard;
    this.#frames = next.frames;
    old.terminate('replaced');
  }
  #dropNext(): void {
    this.next?.terminate('dropped');
    this.next = undefined;
  }
  end(reason: string): void {
    this.#dropNext();
    this.current?.terminate(reason);
  }

  #open(): Connection {
    const connection = new Connection();
    this.opens++;
    // The messages never reach ccxt, so the promise settles only when the connection fails.
    this.#hook
      .watch(this.#subscribe, (client) => this.#attach(connection, client))
      .then(
        () => connection.end('the subscription ended'),
        (e: unknown) => connection.end(e instanceof Error ? `${e.constructor.name}: ${e.message}` : String(e)),
      );
    // An earlier client of the same address that is still closing: nothing will come over it.
    if (connection.client === undefined)
      queueMicrotask(() => connection.end('the connection before it is still closing'));
    return connection;
  }
  #attach(connection: Connection, client: WsClient): void {
    connection.client = client;
    const events = this.#events;
    const { onClose, onPong, onPing, send } = client;
    client.onMessage = ({ data }) => {
      connection.heard++;
      events.text(typeof data === 'string' ? data : String(data), connection);
    };
    client.onPong = () => {
      connection.heard++;
      onPong.call(client);
    };
    client.onPing = () => {
      connection.heard++;
      onPing.call(client);
    };
    client.onClose = (event) => {
      const code = (event as { code?: number }).code;
      // First ccxt forgets the client, so that the next call makes a new one.
      onClose.call(client, event);
      connection.end(connection.why ?? `closed by the other side (${code ?? 'no code'})`);
    };
    client.send = (message) => {
      const sent = send.call(client, message);
      sent.catch(() => undefined);
      return sent;
    };
  }
  /** ccxt gives the same set of streams the same address again; a successor beside it needs another. */
  #freshStream(old: Connection): void {
    const options = this.#ex.options as Record<string, Record<string, unknown>>;
    const index = /\/(\d+)$/.exec(old.client?.url ?? '')?.[1];
    const known = options['streamBySubscriptionsHash'] ?? {};
    for (const [hash, stream] of Object.entries(known)) if (String(stream) === index) delete known[hash];
    options['numSubscriptionsByStream'] = {};
  }
}
