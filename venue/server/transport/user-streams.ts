import type { FaultInjector } from '../faults/injector.ts';
import type { ApiConnection } from './api-connection.ts';
import { textFrame } from './frame.ts';
import type { ListenKeys } from './listen-keys.ts';
import type { StreamConnection } from './stream-connection.ts';

interface Reader {
  readonly connection: StreamConnection;
  readonly key: string;
  /** Event types wanted; empty = all. */
  readonly events: readonly string[];
}

/** The user stream of USD-M: who listens under which listen key. */
export class UsdmUsers {
  readonly #keys: ListenKeys;
  readonly #now: () => number;
  readonly #faults: FaultInjector;
  #readers: Reader[] = [];
  constructor(keys: ListenKeys, faults: FaultInjector, now: () => number) {
    this.#keys = keys;
    this.#now = now;
    this.#faults = faults;
    keys.onEnd = (key, expired) => this.#ended(key, expired);
  }
  get readers(): number {
    return this.#readers.length;
  }
  valid(key: string): boolean {
    return this.#keys.valid(key, this.#now());
  }
  /** An unknown key is taken and stays silent. */
  attach(key: string, connection: StreamConnection, events: readonly string[]): void {
    if (!this.valid(key) || this.#readers.some((r) => r.connection === connection && r.key === key)) return;
    this.#readers.push({ connection, key, events });
  }
  detach(connection: StreamConnection): void {
    this.#readers = this.#readers.filter((r) => r.connection !== connection);
  }
  has(connection: StreamConnection): boolean {
    return this.#readers.some((r) => r.connection === connection);
  }
  emit(event: object): void {
    const deliver = (): void => this.#deliver(event);
    if (!this.#faults.user('usdm', event, deliver)) deliver();
  }
  #deliver(event: object): void {
    if (this.#readers.length === 0) return;
    const text = JSON.stringify(event);
    const type = (event as { e?: string }).e ?? '';
    let raw: Buffer | undefined;
    for (const { connection, key, events } of this.#readers) {
      if (events.length > 0 && !events.includes(type)) continue;
      if (connection.combined) connection.sendText(`{"stream":"${key}","data":${text}}`);
      else {
        raw ??= textFrame(text);
        connection.sendFrame(raw);
      }
    }
  }
  #ended(key: string, expired: boolean): void {
    const gone = this.#readers.filter((r) => r.key === key);
    this.#readers = this.#readers.filter((r) => r.key !== key);
    if (!expired) return;
    // The connection stays; it says so once and is silent from then on.
    const event = JSON.stringify({ e: 'listenKeyExpired', E: Math.floor(this.#now()), listenKey: key });
    for (const { connection } of gone)
      connection.sendText(connection.combined ? `{"stream":"${key}","data":${event}}` : event);
  }
}

/** The user stream of Spot: subscriptions on connections of the websocket API. */
export class SpotUsers {
  readonly #faults: FaultInjector;
  readonly #subscriptions = new Map<ApiConnection, number>();
  constructor(faults: FaultInjector) {
    this.#faults = faults;
  }
  get readers(): number {
    return this.#subscriptions.size;
  }
  subscribe(connection: ApiConnection, id: number): void {
    this.#subscriptions.set(connection, id);
  }
  subscription(connection: ApiConnection): number | undefined {
    return this.#subscriptions.get(connection);
  }
  detach(connection: ApiConnection): void {
    this.#subscriptions.delete(connection);
  }
  emit(event: object): void {
    const deliver = (): void => {
      if (this.#subscriptions.size === 0) return;
      const text = JSON.stringify(event);
      for (const [connection, id] of this.#subscriptions)
        connection.sendText(`{"subscriptionId":${id},"event":${text}}`);
    };
    if (!this.#faults.user('spot', event, deliver)) deliver();
  }
}
