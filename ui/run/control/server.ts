import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { z } from 'zod';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { newSocket, readNote, removeNote, writeNote } from './address.ts';
import { ControlClient } from './client.ts';
import { type Answer, errorOf, MAX_LINE, malformed, readRequest, VERSION } from './protocol.ts';

/** One kind of request: what it takes, and how it is answered. */
export interface Handler<T = unknown> {
  readonly doc: string;
  readonly request: z.ZodType<T>;
  handle(request: T): unknown | Promise<unknown>;
}
export const handler = <T>(doc: string, request: z.ZodType<T>, handle: Handler<T>['handle']): Handler =>
  ({ doc, request, handle }) as unknown as Handler;

const CONNECTIONS = 64;

/** Answers what other processes of this user ask of the run. Kinds are added by whoever can answer them. */
export class ControlServer {
  readonly #state: string;
  readonly #pipeline: string;
  readonly #handlers = new Map<string, Handler>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #socket = '';

  constructor(state: string, pipeline: string) {
    this.#state = state;
    this.#pipeline = pipeline;
  }
  /** @throws Error when there is such a kind already */
  add(kind: string, h: Handler): this {
    if (this.#handlers.has(kind)) throw new Error(`there is a kind ${kind} already`);
    this.#handlers.set(kind, h);
    return this;
  }
  get kinds(): { kind: string; doc: string }[] {
    return [...this.#handlers].map(([kind, { doc }]) => ({ kind, doc }));
  }

  /** @throws CHM958 when a run that lives has this folder */
  async listen(): Promise<void> {
    mkdirSync(this.#state, { recursive: true });
    const left = readNote(this.#state);
    if (left) {
      if (await ControlClient.answers(this.#state))
        throw new ChimeraError(
          'CHM958',
          `a run of ${left.pipeline} (process ${left.pid}) has the folder ${this.#state}`,
          {
            file: this.#state,
            help: 'stop it first, or name another --state folder',
          },
        );
      removeNote(this.#state, left.socket);
    }
    this.#socket = newSocket(this.#state);
    // Of a run that was killed before it could say where it listens.
    if (!left) rmSync(this.#socket, { force: true });
    const server = createServer((s) => this.#connected(s));
    server.maxConnections = CONNECTIONS;
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      // The socket is made by the call itself: nobody else can reach it, not even for a moment.
      const mask = process.umask(0o177);
      try {
        server.listen(this.#socket, done);
      } finally {
        process.umask(mask);
      }
    });
    chmodSync(this.#socket, 0o600);
    server.unref();
    this.#server = server;
    writeNote(this.#state, { v: 1, pid: process.pid, socket: this.#socket, pipeline: this.#pipeline });
  }
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const s of this.#sockets) s.end();
    setTimeout(() => {
      for (const s of this.#sockets) s.destroy();
    }, 200).unref();
    await closed;
    removeNote(this.#state, this.#socket);
  }

  #connected(s: Socket): void {
    this.#sockets.add(s);
    s.setEncoding('utf8');
    s.on('error', () => s.destroy());
    s.on('close', () => this.#sockets.delete(s));
    let text = '';
    s.on('data', (d: string) => {
      text += d;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (line.trim() !== '') void this.#answer(s, line);
      }
      if (text.length <= MAX_LINE) return;
      say(s, { v: VERSION, id: '', ok: false, error: errorOf(malformed(`a line is longer than ${MAX_LINE} bytes`)) });
      s.end();
    });
  }
  async #answer(s: Socket, line: string): Promise<void> {
    let id = '';
    try {
      if (Buffer.byteLength(line) > MAX_LINE) throw malformed(`a line is longer than ${MAX_LINE} bytes`);
      const { v: _, id: given, kind, ...fields } = readRequest(line);
      id = given;
      const h = this.#handlers.get(kind);
      if (!h)
        throw new ChimeraError('CHM957', `the run does not know requests of kind ${kind}`, {
          field: 'kind',
          help: `it knows ${[...this.#handlers.keys()].join(', ')}`,
        });
      const read = h.request.safeParse(fields);
      if (!read.success) {
        const { path, message } = read.error.issues[0]!;
        throw malformed(`${path.join('.') || kind}: ${message}`);
      }
      say(s, { v: VERSION, id, ok: true, result: (await h.handle(read.data)) ?? null });
    } catch (e) {
      say(s, { v: VERSION, id, ok: false, error: errorOf(e) });
    }
  }
}

function say(s: Socket, answer: Answer): void {
  if (!s.destroyed) s.write(`${JSON.stringify(answer)}\n`);
}
