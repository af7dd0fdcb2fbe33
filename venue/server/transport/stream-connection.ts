import type { Feed } from '../contract.ts';
import { CLOSE, Connection, type ConnectionOptions } from './connection.ts';
import type { StreamHub } from './stream-hub.ts';
import type { StreamPath } from './stream-path.ts';
import type { UsdmUsers } from './user-streams.ts';

type Streams = Extract<StreamPath, { kind: 'streams' }>;

export interface StreamOptions extends ConnectionOptions {
  readonly hub: StreamHub;
  readonly feed: Pick<Feed, 'stream'>;
  /** USD-M only. */
  readonly users: UsdmUsers | undefined;
  readonly path: Streams;
  readonly mostStreams: number;
  readonly now: () => number;
}

/** A message could not be understood: code 2 and 3 of the stream endpoints' own error shape. */
class Refusal extends Error {
  readonly code: number;
  constructor(code: number, msg: string) {
    super(msg);
    this.code = code;
  }
}

const METHODS = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SET_PROPERTY', 'GET_PROPERTY'];

/** A connection to market streams, and on USD-M to the user stream of a listen key. */
export class StreamConnection extends Connection {
  readonly kind = 'streams';
  combined: boolean;
  readonly #o: StreamOptions;
  readonly #streams = new Set<string>();

  constructor(o: StreamOptions) {
    super(o);
    this.#o = o;
    this.combined = o.path.combined;
    this.ws.on('message', (data, binary) => this.#message(binary ? undefined : String(data)));
    this.ws.on('ping', () => this.admit(o.now()));
    this.ws.on('pong', () => this.pong(o.now()));
    for (const key of o.path.listenKeys) o.users?.attach(key, this, o.path.events);
    if (o.path.streams.length > o.mostStreams) this.end(CLOSE.policy, 'Too many streams');
    // What does not exist stays silent here: there is no message to answer.
    else for (const stream of o.path.streams) this.#subscribe(stream);
  }

  /** Whether it reads a stream of such a name. */
  reads(named: (stream: string) => boolean): boolean {
    for (const stream of this.#streams) if (named(stream)) return true;
    return false;
  }
  closed(): void {
    for (const stream of this.#streams) this.#o.hub.remove(stream, this);
    this.#streams.clear();
    this.#o.users?.detach(this);
  }
  notice(wallMs: number): void {
    this.sendText(`{"e":"serverShutdown","E":${Math.floor(wallMs)}}`);
  }

  #message(text: string | undefined): void {
    if (!this.open || !this.admit(this.#o.now())) return;
    let id: unknown = null;
    try {
      const request = parse(text);
      id = readId(request['id']);
      const result = this.#answer(request);
      this.sendText(JSON.stringify({ result, id }));
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      this.sendText(JSON.stringify({ error: { code: e.code, msg: e.message }, ...(id === null ? {} : { id }) }));
    }
  }

  #answer(request: Record<string, unknown>): unknown {
    const { method, params } = request;
    switch (method) {
      case 'SUBSCRIBE': {
        const names = texts(params);
        for (const name of names)
          if (!this.#known(name)) throw new Refusal(2, `Invalid request: unknown stream \`${name.slice(0, 100)}\``);
        if (new Set([...this.#streams, ...names]).size > this.#o.mostStreams)
          throw new Refusal(2, `Invalid request: more than ${this.#o.mostStreams} streams on a connection`);
        // The answer goes out with the first frames, not behind them: nothing is published before this returns.
        for (const name of names) this.#subscribe(name);
        return null;
      }
      case 'UNSUBSCRIBE':
        for (const name of texts(params)) {
          if (this.#streams.delete(name)) this.#o.hub.remove(name, this);
        }
        return null;
      case 'LIST_SUBSCRIPTIONS':
        return [...this.#streams];
      case 'SET_PROPERTY': {
        const [name, value] = Array.isArray(params) ? (params as unknown[]) : [];
        if (name !== 'combined') throw new Refusal(0, 'Unknown property');
        if (typeof value !== 'boolean') throw new Refusal(1, 'Invalid value type: expected Boolean');
        this.combined = value;
        return null;
      }
      case 'GET_PROPERTY':
        if (!Array.isArray(params) || params[0] !== 'combined') throw new Refusal(0, 'Unknown property');
        return this.combined;
      default:
        throw new Refusal(
          2,
          `Invalid request: unknown variant ${JSON.stringify(method ?? null).slice(0, 60)}, expected one of ${METHODS.map((m) => `\`${m}\``).join(', ')}`,
        );
    }
  }

  #known(name: string): boolean {
    const { feed, users } = this.#o;
    return feed.stream(this.market, name) !== undefined || users?.valid(name) === true;
  }
  #subscribe(name: string): void {
    const { feed, hub, path, users } = this.#o;
    const stream = feed.stream(this.market, name);
    if (stream === undefined) {
      if (users?.valid(name)) users.attach(name, this, path.events);
      return;
    }
    this.#streams.add(name);
    // USD-M serves a stream in its own category only; a connection without one is of the public kind.
    if (this.market === 'usdm' && stream.category !== (path.category ?? 'public')) return;
    hub.add(name, this);
  }
}

function parse(text: string | undefined): Record<string, unknown> {
  if (text === undefined) throw new Refusal(3, 'Invalid JSON: binary messages are not taken');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(3, 'Invalid JSON: expected value at line 1 column 1');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(2, 'Invalid request: request must be an object');
  return value as Record<string, unknown>;
}
function readId(id: unknown): string | number | null {
  if (id === undefined || id === null) return null;
  if (Number.isSafeInteger(id) || (typeof id === 'string' && id.length <= 36)) return id as string | number;
  throw new Refusal(2, 'Invalid request: request ID must be an integer or a text of at most 36 characters');
}
function texts(params: unknown): string[] {
  if (!Array.isArray(params) || params.length === 0 || params.some((p) => typeof p !== 'string'))
    throw new Refusal(2, 'Invalid request: params must be a list of stream names');
  return params as string[];
}
