import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Api } from '../api.ts';
import { PageSocket } from './page-socket.ts';

const PATHS = new Set(['/live', '/v1/live']);
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
/** Sockets in all, and of one address. */
const MOST = 200;
const MESSAGE_BYTES = 65_536;

/** The websockets of the page: `/v1/live`, for the page's own origin. */
export class LiveSockets {
  readonly #api: Api;
  readonly #hosts: readonly string[];
  readonly #scheme: string;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES, perMessageDeflate: false });
  readonly #open = new Set<PageSocket>();

  constructor(api: Api, options: { hosts: readonly string[]; tls: boolean }) {
    this.#api = api;
    this.#hosts = options.hosts;
    this.#scheme = options.tls ? 'https' : 'http';
  }
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const refused = this.#refusal(request);
      if (refused !== undefined) {
        socket.on('error', () => undefined);
        socket.end(`HTTP/1.1 ${refused}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws));
    });
  }
  close(): void {
    for (const s of this.#open) s.close(1001, 'the server ends');
    this.#server.close();
  }
  get size(): number {
    return this.#open.size;
  }

  #welcome(ws: WebSocket): void {
    const socket = new PageSocket(this.#api, ws);
    this.#open.add(socket);
    this.#api.metrics.sockets.set(this.#open.size);
    ws.once('close', () => {
      this.#open.delete(socket);
      this.#api.metrics.sockets.set(this.#open.size);
    });
  }
  #refusal(request: IncomingMessage): string | undefined {
    const path = (request.url ?? '').split('?')[0]!;
    if (!PATHS.has(path)) return '404 Not Found';
    const host = request.headers.host ?? '';
    const bare = host.replace(/:\d+$/, '');
    if (!LOOPBACK.includes(bare) && !this.#hosts.includes(bare)) return '403 Forbidden';
    // A page of another origin could open it: browsers do not ask before they open sockets.
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `${this.#scheme}://${host}`) return '403 Forbidden';
    return this.#open.size >= MOST ? '503 Service Unavailable' : undefined;
  }
}
