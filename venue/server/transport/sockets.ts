import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Feed, MarketName } from '../contract.ts';
import { ApiConnection } from './api-connection.ts';
import { CLOSE, type Life } from './connection.ts';
import type { Gate } from './gate.ts';
import type { MarketLimits } from './limits.ts';
import type { Security } from './security.ts';
import { StreamConnection } from './stream-connection.ts';
import type { StreamHub } from './stream-hub.ts';
import { readStreamPath, type StreamPath } from './stream-path.ts';
import type { SpotUsers, UsdmUsers } from './user-streams.ts';

/** Larger than any request; a larger message closes the connection with 1009. */
const MESSAGE_BYTES = 262_144;
/** Weight of opening a connection of the websocket API. */
const API_WEIGHT = { usdm: 5, spot: 2 } as const;

export interface SocketsOptions {
  readonly market: MarketName;
  readonly gate: Gate;
  readonly security: Security;
  readonly hub: StreamHub;
  readonly feed: Pick<Feed, 'stream'>;
  readonly limits: MarketLimits;
  readonly life: Life;
  readonly usdmUsers: UsdmUsers | undefined;
  readonly spotUsers: SpotUsers | undefined;
  /** For connections' ages and pings; not moved by an injected skew. */
  readonly wallMs: () => number;
  readonly log: (event: object) => void;
}

/** The websockets of one market, upgraded on its HTTP port. */
export class Sockets {
  readonly #o: SocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES,
  });
  readonly connections = new Set<StreamConnection | ApiConnection>();
  #closing = false;

  constructor(o: SocketsOptions) {
    this.#o = o;
  }
  listen(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { market, gate, wallMs } = this.#o;
    socket.on('error', () => socket.destroy());
    const ip = request.socket.remoteAddress ?? '';
    const path = readStreamPath(market, request.url ?? '/');
    if (this.#closing || !path) refuse(socket, '404 Not Found');
    else if (!gate.limits.connection(ip, wallMs()) || (path.kind === 'api' && !this.#admitted(ip)))
      refuse(socket, '429 Too Many Requests');
    else this.#server.handleUpgrade(request, socket, head, (ws) => this.#opened(ws, socket, ip, path));
  }

  #admitted(ip: string): boolean {
    try {
      this.#o.gate.admit(ip, API_WEIGHT[this.#o.market]);
      return true;
    } catch {
      return false;
    }
  }

  #opened(ws: WebSocket, socket: Duplex, ip: string, path: StreamPath): void {
    const o = this.#o;
    // A line that breaks is closed by `ws` itself; what it was is of no interest here.
    ws.on('error', () => {});
    const common = {
      market: o.market,
      ws,
      socket,
      ip,
      wallMs: o.wallMs(),
      buffered: o.limits.buffered,
      life: o.life,
    };
    const connection =
      path.kind === 'api'
        ? new ApiConnection({
            ...common,
            messages: Number.POSITIVE_INFINITY,
            gate: o.gate,
            security: o.security,
            users: o.spotUsers,
            rateLimits: path.rateLimits,
          })
        : new StreamConnection({
            ...common,
            messages: o.limits.messages,
            hub: o.hub,
            feed: o.feed,
            users: o.usdmUsers,
            path,
            mostStreams: o.limits.streams,
            now: o.wallMs,
          });
    this.connections.add(connection);
    o.log({ level: 'debug', what: 'connection opened', market: o.market, kind: path.kind });
    ws.on('close', (code) => {
      this.connections.delete(connection);
      connection.closed();
      const reason = connection.ended === '' ? 'left' : connection.ended;
      o.log({ level: 'debug', what: 'connection closed', market: o.market, kind: path.kind, code, reason });
    });
  }

  sweep(wallMs: number): void {
    for (const c of this.connections) c.sweep(wallMs);
  }
  /** Says good-bye to everyone; who does not answer is cut off by the closing of the port. */
  close(wallMs: number): void {
    this.#closing = true;
    for (const c of this.connections) {
      if (this.#o.market === 'spot') c.notice(wallMs);
      c.end(CLOSE.goingAway, 'server is going away');
    }
  }
  /** Cuts what is still open. */
  drop(): void {
    for (const c of this.connections) c.drop('server closed');
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
