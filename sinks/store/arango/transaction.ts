import type { ArangoClient, Bindings } from './client.ts';

/** Sends queries, alone or within a transaction of the server. One try each. @throws ArangoFault */
export interface Session {
  rows<T>(query: string, bindings: Bindings): Promise<T[]>;
  /** Body of a query without rows, as JSON text. */
  execute(body: string): Promise<void>;
}
/** Something to write. It may be sent again, also after it was carried out. */
export interface Write {
  /** One query, which is all or nothing by itself. */
  readonly atomic: boolean;
  send(session: Session): Promise<void>;
}
export const session = (client: ArangoClient, transaction?: string): Session => ({
  rows: (query, bindings) => client.rows(query, bindings, transaction),
  execute: (body) => client.execute(body, transaction),
});

/**
 * One transaction of the store. Writes are kept here and sent when somebody must see them, at the latest at the end;
 * when the server loses its transaction, everything is sent again in a new one. So a failure never asks the caller to
 * repeat its work, and a commit whose answer got lost is simply carried out twice.
 */
export class Transaction {
  readonly #client: ArangoClient;
  readonly #collections: readonly string[];
  readonly #writes: Write[] = [];
  /** Documents written here: `collection/key` → text as it is sent. */
  readonly written = new Map<string, string>();
  /** The server's transaction, and how many of the writes are in it. */
  #id: string | undefined;
  #sent = 0;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #onBegin: (id: string) => void;
  /** @param onBegin is told each id that the server gives */
  constructor(client: ArangoClient, collections: readonly string[], onBegin: (id: string) => void = () => {}) {
    this.#client = client;
    this.#onBegin = onBegin;
    this.#collections = collections;
  }

  add(write: Write): void {
    this.#writes.push(write);
  }
  /** Reads what is stored together with what was written here. */
  async read<T>(what: string, work: (s: Session) => Promise<T>): Promise<T> {
    if (this.#writes.length === 0) return this.#client.retried(what, () => work(session(this.#client)));
    return this.#inside(what, work);
  }
  /** All of it, or nothing of it. */
  async commit(): Promise<void> {
    const [only] = this.#writes;
    if (only === undefined) return;
    // The same guarantee for a third of the requests.
    if (this.#id === undefined && this.#writes.length === 1 && only.atomic)
      return this.#client.retried('write', () => only.send(session(this.#client)));
    await this.#inside('commit', () =>
      this.#client.send<void>({ method: 'PUT', path: `/_api/transaction/${this.#id}` }),
    );
    this.#id = undefined;
  }
  async abort(): Promise<void> {
    const id = this.#id;
    this.#id = undefined;
    if (id === undefined) return;
    // The server does the same by itself when nothing more is heard of it.
    await this.#client.send({ method: 'DELETE', path: `/_api/transaction/${id}` }).catch(() => undefined);
  }

  /** The server takes one request of a transaction at a time. */
  #inside<T>(what: string, work: (s: Session) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#sendAll(what, work));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
  #sendAll<T>(what: string, work: (s: Session) => Promise<T>): Promise<T> {
    return this.#client.retried(what, async () => {
      try {
        this.#id ??= await this.#begin();
        const s = session(this.#client, this.#id);
        for (; this.#sent < this.#writes.length; this.#sent++) await this.#writes[this.#sent]!.send(s);
        return await work(s);
      } catch (e) {
        await this.abort();
        throw e;
      }
    });
  }
  async #begin(): Promise<string> {
    const body = { collections: { write: this.#collections } };
    const { result } = await this.#client.send<{ result: { id: string } }>({
      method: 'POST',
      path: '/_api/transaction/begin',
      body,
    });
    this.#sent = 0;
    this.#onBegin(result.id);
    return result.id;
  }
}
