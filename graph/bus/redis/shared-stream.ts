import { ChimeraError } from '../../schema/error.ts';
import { tagOf } from './keys.ts';
import type { RedisBus } from './open-redis-bus.ts';
import { persist } from './persist.ts';
import { appendShared } from './scripts/append-shared.ts';
import { runScript } from './scripts/script.ts';
import { trimShared } from './scripts/trim-shared.ts';

export interface SharedRecord {
  /** The source's own number of the record. They increase, and may leave some out. */
  readonly n: number;
  readonly payload: Uint8Array;
}
export interface SharedSource {
  readonly name: string;
  /** The token of a partition of this name that was acquired with the stream's slot among its tags. */
  readonly token?: number;
}

/**
 * A stream that several partitions write to (`signals:new`, `cfg:events`): Redis numbers its entries, so their order between sources
 * is that of arrival, and it is no input of a deterministic graph. A mark for each source lies in the stream's slot; what is
 * appended twice is there once. A partition's outbox is emptied into it from `mark` on, as often as it takes.
 */
export class SharedStream {
  readonly stream: string;
  readonly #bus: RedisBus;
  constructor(bus: RedisBus, stream: string) {
    this.#bus = bus;
    this.stream = stream;
  }
  /** Number of the source's last record that is in the stream; 0: none. */
  async mark(source: string): Promise<number> {
    const { connection, keys, persistence, closing } = this.#bus;
    const known = await persist(persistence, closing, () => connection.client.hget(keys.shared(this.stream), source));
    return Number(known ?? 0);
  }
  /** Appends what is not there yet, and answers the mark. @throws CHM521 */
  async append(source: SharedSource, records: readonly SharedRecord[]): Promise<number> {
    const { connection, keys, persistence, closing } = this.#bus;
    const { name, token } = source;
    for (let i = 1; i < records.length; i++)
      if (records[i]!.n <= records[i - 1]!.n)
        throw new ChimeraError(
          'CHM529',
          `records for ${this.stream} do not increase: ${records[i]!.n} after ${records[i - 1]!.n}`,
          {
            help: 'append the records of a source in its order',
          },
        );
    const answer = (await persist(persistence, closing, () =>
      runScript(
        connection.client,
        appendShared,
        [keys.stream(this.stream), keys.shared(this.stream), keys.fence(name, tagOf(this.stream))],
        [name, token ?? '', ...records.flatMap((r) => [r.n, Buffer.from(r.payload)])],
      ),
    )) as [Buffer, Buffer];
    if (String(answer[0]) !== 'OK')
      throw new ChimeraError('CHM521', `${name} may not write to ${this.stream} under token ${token}`, {
        help: 'acquire the partition again, with the slot of the stream among its tags',
      });
    return Number(answer[1]);
  }
  /** Removes what all groups that read the stream have acknowledged. Answers how many entries. */
  async trim(): Promise<number> {
    const { connection, keys, persistence, closing } = this.#bus;
    return Number(
      await persist(persistence, closing, () =>
        runScript(connection.client, trimShared, [keys.stream(this.stream)], []),
      ),
    );
  }
}
