import type { FromPage, ToPage } from '../../api/contract/socket.ts';
import { Store } from './store.ts';

export type Connection =
  | { readonly state: 'idle' }
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'open' }
  /** Lost; the next attempt comes by itself. */
  | { readonly state: 'waiting'; readonly attempt: number; readonly retryAtMs: number };

export interface SocketOptions {
  readonly url: () => string;
  readonly token: () => string | undefined;
  /** Gets a fresh token: the old one was refused. */
  readonly refresh: () => Promise<unknown>;
  /** Waits between attempts, ms; the last one stays. */
  readonly backOffMs?: readonly number[];
}

const BACK_OFF_MS = [250, 500, 1000, 2000, 4000, 8000, 15000] as const;
/** A server that has said nothing for so long while something is watched is taken for gone. */
const SILENCE_MS = 20_000;
/** Until what was refused is asked for again. */
const PATIENCE_MS = 1000;

/**
 * The live connection. What is watched is stated once; after a loss it comes back with growing pauses and everything that was
 * watched is asked for again, so that nobody has to load the page anew.
 */
export class LiveSocket {
  readonly connection = new Store<Connection>({ state: 'idle' });
  readonly #options: SocketOptions;
  readonly #listeners = new Map<ToPage['kind'], Set<(message: never) => void>>();
  /** By what undoes it. */
  readonly #wanted = new Map<string, { open: FromPage; users: number }>();
  #socket: WebSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #patience = PATIENCE_MS;
  #attempt = 0;
  #heardMs = 0;
  #welcome = false;
  #running = false;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    addEventListener('online', this.#now);
    document.addEventListener('visibilitychange', this.#now);
    this.#watchdog = setInterval(() => {
      const silent = Date.now() - this.#heardMs > SILENCE_MS;
      if (this.#welcome && this.#wanted.size > 0 && silent && !document.hidden) this.#lost();
    }, 2000);
    this.#connect();
  }
  stop(): void {
    this.#running = false;
    removeEventListener('online', this.#now);
    document.removeEventListener('visibilitychange', this.#now);
    clearInterval(this.#watchdog);
    clearTimeout(this.#retry);
    clearTimeout(this.#again);
    this.#drop();
    this.connection.set({ state: 'idle' });
  }

  on<K extends ToPage['kind']>(kind: K, listener: (message: Extract<ToPage, { kind: K }>) => void): () => void {
    const set = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, set);
    set.add(listener as (message: never) => void);
    return () => set.delete(listener as (message: never) => void);
  }

  /** Watches until the returned function is called; several may watch the same. */
  watch(run: string, what: 'stats' | 'trading' | 'alerts', everyMs?: number): () => void {
    const open: FromPage = { kind: 'watch', run, what, ...(everyMs ? { every_ms: everyMs } : {}) };
    return this.#want(`${what} ${run}`, open, { kind: 'unwatch', run, what });
  }
  tap(tap: Extract<FromPage, { kind: 'tap' }>): () => void {
    return this.#want(`tap ${tap.id}`, tap, { kind: 'untap', id: tap.id });
  }
  /** A fresh token, before the old one runs out. */
  renew(token: string): void {
    if (this.#welcome) this.#send({ kind: 'token', token });
  }

  #want(key: string, open: FromPage, close: FromPage): () => void {
    const known = this.#wanted.get(key);
    if (known) known.users++;
    else {
      this.#wanted.set(key, { open, users: 1 });
      if (this.#welcome) this.#send(open);
    }
    let done = false;
    return () => {
      const entry = this.#wanted.get(key);
      if (done || !entry) return;
      done = true;
      if (--entry.users > 0) return;
      this.#wanted.delete(key);
      if (this.#welcome) this.#send(close);
    };
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#drop();
    const token = this.#options.token();
    if (token === undefined) {
      this.#later();
      return;
    }
    this.connection.set({ state: 'connecting', attempt: this.#attempt });
    const socket = new WebSocket(this.#options.url());
    this.#socket = socket;
    socket.onopen = () => this.#send({ kind: 'hello', token });
    socket.onmessage = (e) => {
      if (socket !== this.#socket) return;
      this.#heardMs = Date.now();
      this.#take(JSON.parse(String(e.data)) as ToPage);
    };
    socket.onclose = (e) => {
      if (socket !== this.#socket) return;
      this.#lost(e.code === POLICY || (e.code >= 4400 && e.code < 4500));
    };
  }
  #take(message: ToPage): void {
    if (message.kind === 'welcome') {
      this.#welcome = true;
      this.#attempt = 0;
      this.#patience = PATIENCE_MS;
      this.connection.set({ state: 'open' });
      for (const { open } of this.#wanted.values()) this.#send(open);
    }
    if (message.kind === 'refused' && (message.of === 'hello' || message.of === 'token')) {
      this.#lost(true);
      return;
    }
    if (message.kind === 'refused' && message.of === 'watch') this.#watchLater();
    for (const l of this.#listeners.get(message.kind) ?? []) (l as (m: ToPage) => void)(message);
  }
  /** A server that has just started learns of its runs a little later: what it does not know is asked for again, ever more seldom. */
  #watchLater(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (!this.#welcome) return;
      this.#patience *= 2;
      for (const { open } of this.#wanted.values()) if (open.kind === 'watch') this.#send(open);
    }, this.#patience);
  }
  #send(message: FromPage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #lost(refused = false): void {
    this.#drop();
    if (!this.#running) return;
    if (refused)
      void this.#options.refresh().then(
        () => this.#later(),
        () => this.#later(),
      );
    else this.#later();
  }
  #later(): void {
    if (!this.#running) return;
    const steps = this.#options.backOffMs ?? BACK_OFF_MS;
    const step = steps[Math.min(this.#attempt, steps.length - 1)]!;
    this.#attempt++;
    // Not all pages of a desk at the same moment.
    const wait = step * (0.75 + Math.random() / 2);
    this.connection.set({ state: 'waiting', attempt: this.#attempt, retryAtMs: Date.now() + wait });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }
  readonly #now = (): void => {
    if (this.#running && !document.hidden && this.connection.get().state === 'waiting') this.#connect();
  };
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#welcome = false;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
/** The server closes with it when it does not accept a token. */
const POLICY = 1008;
