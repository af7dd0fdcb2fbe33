import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { MarketName } from '../contract.ts';
import { textFrame } from './frame.ts';

/** How a market keeps its websockets alive, ms. */
export interface Life {
  readonly pingMs: number;
  /** Without a pong for this long it is dropped. */
  readonly pongMs: number;
  readonly lifeMs: number;
  /** Before the end of its life, Spot says `serverShutdown`; NaN = never. */
  readonly noticeMs: number;
}
const DAY = 86_400_000;
export const LIFE: Readonly<Record<MarketName, Life>> = {
  usdm: { pingMs: 180_000, pongMs: 600_000, lifeMs: DAY, noticeMs: Number.NaN },
  spot: { pingMs: 20_000, pongMs: 60_000, lifeMs: DAY, noticeMs: 600_000 },
};

/** Close codes of RFC 6455 §7.4.1. */
export const CLOSE = { goingAway: 1001, policy: 1008 } as const;

/** Sockets that are corked until the end of the running turn: one system call for all its frames. */
const corked: Connection[] = [];
function uncork(): void {
  for (const c of corked) c.release();
  corked.length = 0;
}

export interface ConnectionOptions {
  readonly market: MarketName;
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly ip: string;
  readonly wallMs: number;
  /** Bytes that may wait for a slow reader. */
  readonly buffered: number;
  /** Messages per second; Infinity where weight counts instead. */
  readonly messages: number;
  readonly life: Life;
}

/** One websocket of a client: its life, its rate of messages, and writing to it. */
export abstract class Connection {
  readonly market: MarketName;
  readonly ip: string;
  abstract readonly kind: 'streams' | 'api';
  protected readonly ws: WebSocket;
  readonly #socket: Duplex;
  readonly #o: ConnectionOptions;
  #corked = false;
  #pingedMs: number;
  #pongMs: number;
  #noticed = false;
  #second = -1;
  #messages = 0;
  /** Why the server ended it; empty while open, or when the client left. */
  ended = '';

  constructor(o: ConnectionOptions) {
    this.market = o.market;
    this.ip = o.ip;
    this.ws = o.ws;
    this.#socket = o.socket;
    this.#o = o;
    this.#pingedMs = o.wallMs;
    this.#pongMs = o.wallMs;
  }

  get open(): boolean {
    return this.ws.readyState === 1;
  }
  sendText(text: string): void {
    this.sendFrame(textFrame(text));
  }
  /** Writes a frame of `textFrame`, together with the others of this turn. A reader that is too slow is cut off. */
  sendFrame(frame: Buffer): void {
    if (!this.open) return;
    if (this.#socket.writableLength > this.#o.buffered) {
      this.drop('slow consumer');
      return;
    }
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      if (corked.push(this) === 1) queueMicrotask(uncork);
    }
    this.#socket.write(frame);
  }
  release(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  /** Counts a message or ping of the client. @returns false when it was one too many, and the connection is closed */
  protected admit(wallMs: number): boolean {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#messages = 0;
    }
    if (++this.#messages <= this.#o.messages) return true;
    this.end(CLOSE.policy, 'Too many requests');
    return false;
  }
  pong(wallMs: number): void {
    this.#pongMs = wallMs;
  }
  /** Pings, and ends what is silent or too old. */
  sweep(wallMs: number): void {
    const { life, wallMs: since } = this.#o;
    const age = wallMs - since;
    if (age >= life.lifeMs) this.end(CLOSE.goingAway, 'end of life');
    else if (wallMs - this.#pongMs >= life.pongMs) this.drop('no pong');
    else if (wallMs - this.#pingedMs >= life.pingMs && this.open) {
      this.#pingedMs = wallMs;
      this.release();
      this.ws.ping(String(Math.floor(wallMs)));
    }
    if (!this.#noticed && age >= life.lifeMs - life.noticeMs) {
      this.#noticed = true;
      this.notice(wallMs);
    }
  }
  /** Says that the server goes away soon. */
  abstract notice(wallMs: number): void;
  /** Closes with a close frame. */
  end(code: number, reason: string): void {
    if (this.ended !== '') return;
    this.ended = reason;
    this.release();
    this.ws.close(code, reason);
  }
  /** Cuts the line, as a network does. */
  drop(reason: string): void {
    if (this.ended === '') this.ended = reason;
    this.#corked = false;
    this.ws.terminate();
  }
}
