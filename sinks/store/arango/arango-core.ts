import { AsyncLocalStorage } from 'node:async_hooks';
import type { Collection } from '../collections.ts';
import { TAKE_NUMBERS } from './aql.ts';
import type { ArangoClient, Bindings } from './client.ts';
import { LeftTransaction } from './left-transaction.ts';
import { ALL_COLLECTIONS, type KeepDays } from './schema.ts';
import { session, Transaction } from './transaction.ts';

/** How much goes into one request. */
export interface BatchSize {
  readonly documents: number;
  /** Characters of JSON. */
  readonly bytes: number;
}
/** Numbers that one writer takes at a time. */
const RANGE = 1 << 20;

/**
 * One connection per database and process, shared by all that open it: so the checkpoint of the engine and the documents
 * of all sinks are in the same transaction. Transactions take turns.
 */
export class ArangoCore {
  readonly version: string;
  readonly batch: BatchSize;
  readonly #client: ArangoClient;
  readonly #keepDays: KeepDays;
  readonly #inside = new AsyncLocalStorage<Transaction>();
  readonly #onLastUser: () => void;
  readonly #left = new LeftTransaction();
  #turn: Promise<unknown> = Promise.resolve();
  #users = 0;
  /** The next number of the range that this writer holds, and its end. */
  #next = 0;
  #end = 0;
  constructor(
    client: ArangoClient,
    version: string,
    o: { batch: BatchSize; keepDays: KeepDays; onLastUser: () => void },
  ) {
    this.#client = client;
    this.version = version;
    this.batch = o.batch;
    this.#keepDays = o.keepDays;
    this.#onLastUser = o.onLastUser;
  }
  use(): this {
    this.#users++;
    return this;
  }
  /** Aborts what a killed process that used the folder has left open, and notes there what this one opens. */
  async takeOver(dir: string): Promise<void> {
    const id = this.#left.takeOver(dir);
    if (id === undefined) return;
    // It may have ended long ago: then there is none of this id.
    await this.#client.send({ method: 'DELETE', path: `/_api/transaction/${id}` }).catch(() => undefined);
  }
  release(): void {
    if (--this.#users > 0) return;
    this.#onLastUser();
    this.#client.close();
  }

  /** The transaction that the caller is in. */
  get current(): Transaction | undefined {
    return this.#inside.getStore();
  }
  async transaction<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.current) return work();
    const turn = this.#turn.then(() => this.#transact(work));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
  async #transact<T>(work: () => T | Promise<T>): Promise<T> {
    const t = new Transaction(this.#client, ALL_COLLECTIONS, (id) => this.#left.note(id));
    try {
      const result = await this.#inside.run(t, async () => work());
      await t.commit();
      return result;
    } catch (e) {
      await t.abort();
      throw e;
    }
  }

  /** Rows as the caller's transaction sees them. */
  async read<T>(what: string, query: string, bindings: Bindings): Promise<T[]> {
    const t = this.current;
    return t ? t.read(what, (s) => s.rows<T>(query, bindings)) : this.stored(what, query, bindings);
  }
  /** Rows as they are stored, whatever the caller's transaction wrote. */
  stored<T>(what: string, query: string, bindings: Bindings): Promise<T[]> {
    return this.#client.retried(what, () => session(this.#client).rows<T>(query, bindings));
  }

  /** The first of so many numbers in a row: larger than all that this writer took before, and nobody else's. */
  async numbers(count: number): Promise<number> {
    if (this.#next + count > this.#end) {
      const size = Math.max(count, RANGE);
      const bindings = { counter: 'insertions', count: size };
      const [end] = await this.stored<number>('take numbers', TAKE_NUMBERS, bindings);
      this.#next = end! - size;
      this.#end = end!;
    }
    const first = this.#next;
    this.#next += count;
    return first;
  }
  expires(collection: Collection): boolean {
    return this.#keepDays[collection] !== undefined;
  }
}
