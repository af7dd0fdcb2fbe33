import type { MarketName } from '../contract.ts';
import type { FrameFaults } from '../faults/injector.ts';
import { textFrame } from './frame.ts';
import type { StreamConnection } from './stream-connection.ts';

/** Who reads which stream of one market. A frame is serialised once for all of them. */
export class StreamHub {
  readonly market: MarketName;
  readonly #readers = new Map<string, Set<StreamConnection>>();
  readonly #faults: FrameFaults;
  /** Frames published to at least one reader, and frames written. */
  published = 0;
  written = 0;
  readonly #added: () => void;
  /** @param added called when a stream has its first reader */
  constructor(market: MarketName, faults: FrameFaults, added: () => void) {
    this.market = market;
    this.#faults = faults;
    this.#added = added;
  }
  /** Streams that somebody reads. */
  get streams(): number {
    return this.#readers.size;
  }
  has(stream: string): boolean {
    return this.#readers.has(stream);
  }
  add(stream: string, connection: StreamConnection): void {
    const set = this.#readers.get(stream);
    if (set) set.add(connection);
    else {
      this.#readers.set(stream, new Set([connection]));
      this.#added();
    }
  }
  remove(stream: string, connection: StreamConnection): void {
    const set = this.#readers.get(stream);
    if (set?.delete(connection) && set.size === 0) this.#readers.delete(stream);
  }
  readers(stream: string): Iterable<StreamConnection> {
    return this.#readers.get(stream) ?? [];
  }
  /** One frame of a stream, `event` the JSON text of the raw form. */
  publish(stream: string, event: string): void {
    const readers = this.#readers.get(stream);
    if (readers === undefined) return;
    this.published++;
    if (this.#faults.active && this.#faults.take(this.market, stream, event, this)) return;
    this.deliver(stream, event);
  }
  /** Cuts the connections that read the stream. */
  cut(stream: string): void {
    for (const c of [...this.readers(stream)]) c.drop('fault');
  }
  /** As `publish`, past the faults. */
  deliver(stream: string, event: string): void {
    const readers = this.#readers.get(stream);
    if (readers === undefined) return;
    let raw: Buffer | undefined;
    let combined: Buffer | undefined;
    for (const c of readers) {
      this.written++;
      if (c.combined) {
        combined ??= textFrame(`{"stream":"${stream}","data":${event}}`);
        c.sendFrame(combined);
      } else {
        raw ??= textFrame(event);
        c.sendFrame(raw);
      }
    }
  }
}
