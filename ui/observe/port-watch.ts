import type { Clock } from '../../graph/engine/clock.ts';
import type { Fielded } from '../../graph/engine/slot.ts';
import { createTap, type Tap, type Watcher } from '../../graph/engine/tap.ts';
import type { Schema } from '../../graph/schema/index.ts';
import type { Columns, PortRows } from './messages.ts';

/**
 * What stands behind a port that someone looks at: a count, and a bounded number of rows of each interval. What is beyond the bound
 * costs one comparison and is counted. One class for all ports: the call from an emission stays monomorphic.
 */
export class PortWatch implements Watcher {
  readonly port: string;
  count = 0;
  /** Keeps what a decision read, beside its verdict. */
  also: Watcher | undefined;
  readonly #schema: Schema;
  readonly #node: string;
  readonly #name: string;
  readonly #clock: Clock;
  #tap: Tap | undefined;
  #room = 0;
  #seen = 0;
  /** −1: all keys. */
  #key = -1;

  constructor(node: string, port: string, schema: Schema, clock: Clock) {
    this.port = `${node}.${port}`;
    this.#node = node;
    this.#name = port;
    this.#schema = schema;
    this.#clock = clock;
  }
  push(r: Fielded): void {
    this.count++;
    if (this.#room > 0 && (this.#key < 0 || r.key === this.#key)) {
      this.#seen++;
      const tap = this.#tap!;
      if (tap.n < this.#room) tap.push(r);
    }
    if (this.also !== undefined) this.also.push(r);
  }
  /** @param room rows of an interval; 0 = none */
  keep(room: number, key: number): void {
    this.#room = room;
    this.#key = key;
    if (room > 0) this.#tap ??= createTap(this.#node, this.#name, this.#schema, this.#clock);
    else this.#tap = undefined;
    this.#seen = 0;
  }
  get keeps(): boolean {
    return this.#room > 0;
  }
  /** A last value, taken as if it had just been put out. */
  sample(r: Fielded): void {
    this.#seen++;
    const tap = this.#tap!;
    if (tap.n < this.#room) tap.push(r);
  }
  /** The rows since the last call; undefined = none. */
  take(): PortRows | undefined {
    const tap = this.#tap;
    if (!tap || this.#seen === 0) return undefined;
    const seen = this.#seen;
    this.#seen = 0;
    const { n, cause, seq, t, key, columns } = tap.columns();
    tap.truncate(0);
    return { port: this.port, seen, n, cause, seq, t, key, columns };
  }
}

export function takeColumns(tap: Tap): Columns {
  const { n, cause, seq, t, key, columns } = tap.columns();
  tap.truncate(0);
  return { n, cause, seq, t, key, columns };
}
