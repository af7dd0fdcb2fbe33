import type { Cluster, Redis } from 'ioredis';
import { ChimeraError } from '../../schema/error.ts';
import type { DeadLetterReason } from '../bus.ts';
import type { RedisBus } from './open-redis-bus.ts';
import { persist } from './persist.ts';
import { replayDeadLetter } from './scripts/replay-dead-letter.ts';
import { runScript } from './scripts/script.ts';

export type { DeadLetterReason };

export interface DeadLetter {
  readonly id: string;
  readonly reason: DeadLetterReason;
  /** Code and message of what went wrong; empty when there was nothing to fail. */
  readonly error: string;
  readonly timeMs: number;
  readonly stream: string;
  readonly group: string;
  /** Id of the entry in its stream. */
  readonly entry: string;
  /** Of an entry that a part of a graph left out: the part, the layouts that it expected, and the records. */
  readonly part?: string;
  readonly schema?: string;
  readonly records?: { readonly prev: number; readonly after: number; readonly last: number };
  /** Absent when it was gone with its entry. */
  readonly payload?: Buffer;
}

/** Entries that a group could not work on, in the slot of the stream that they came from: `dlq:<group>:{tag}`. */
export class DeadLetters {
  readonly key: string;
  readonly #bus: RedisBus;
  constructor(bus: RedisBus, key: string) {
    this.#bus = bus;
    this.key = key;
  }
  /** Oldest first, behind the id `after`. */
  async list(options: { readonly after?: string; readonly count?: number } = {}): Promise<DeadLetter[]> {
    const from = options.after === undefined ? '-' : `(${options.after}`;
    const { connection, persistence, closing } = this.#bus;
    const found = await persist(persistence, closing, () =>
      connection.client.xrangeBuffer(this.key, from, '+', 'COUNT', options.count ?? 100),
    );
    return found.map(([id, fields]) => parse(id, fields));
  }
  async show(id: string): Promise<DeadLetter | undefined> {
    checkId(id);
    const { connection, persistence, closing } = this.#bus;
    const [found] = await persist(persistence, closing, () => connection.client.xrangeBuffer(this.key, id, id));
    return found && parse(found[0], found[1]);
  }
  /**
   * Hands a dead letter to its group once more. False when it is no longer there: it was replayed already.
   * @param payload what it should have been, in the place of what it was
   * @throws CHM529 when there is nothing to replay: its payload was gone
   */
  async replay(id: string, payload?: Uint8Array): Promise<boolean> {
    const letter = await this.show(id);
    if (!letter) return false;
    const { connection, keys, persistence, closing } = this.#bus;
    const done = await persist(persistence, closing, () =>
      runScript(
        connection.client,
        replayDeadLetter,
        [this.key, keys.retry(letter.stream, letter.group)],
        [id, ...(payload ? [Buffer.from(payload)] : [])],
      ),
    );
    if (done === -1)
      throw new ChimeraError(
        'CHM529',
        `dead letter ${id} has no payload: ${letter.entry} was gone from ${letter.stream}`,
        {
          help: 'what it was is in the journal of its source: replay that',
        },
      );
    return done === 1;
  }
}

/** All places of a bus where dead letters lie. Walks over the keys of every node: for people, not for programs. */
export async function findDeadLetters(bus: RedisBus): Promise<DeadLetters[]> {
  const { connection, keys } = bus;
  const nodes = connection.address.cluster
    ? (connection.client as Cluster).nodes('master')
    : [connection.client as Redis];
  const found = new Set<string>();
  const pattern = `${keys.deadLettersPrefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
  for (const node of nodes) {
    let cursor = '0';
    do {
      const [next, names] = await persist(bus.persistence, bus.closing, () =>
        node.scan(cursor, 'MATCH', pattern, 'COUNT', 1000),
      );
      for (const n of names) found.add(n);
      cursor = next;
    } while (cursor !== '0');
  }
  return [...found].sort().map((key) => new DeadLetters(bus, key));
}

function checkId(id: string): void {
  if (!/^\d+(-\d+)?$/.test(id))
    throw new ChimeraError('CHM529', `"${id.slice(0, 40)}" is not the id of a dead letter`, {
      help: 'ids look like 1718000000000-0: list them first',
    });
}

function parse(id: Buffer, fields: readonly Buffer[]): DeadLetter {
  const field = new Map<string, Buffer>();
  for (let i = 0; i < fields.length; i += 2) field.set(String(fields[i]), fields[i + 1]!);
  const text = (name: string): string => String(field.get(name) ?? '');
  const payload = field.get('b');
  const [part, schema] = [field.get('part'), field.get('schema')];
  return {
    id: String(id),
    reason: text('reason') as DeadLetterReason,
    error: text('error'),
    timeMs: Number(text('time')),
    stream: text('stream'),
    group: text('group'),
    entry: text('id'),
    ...(part ? { part: String(part) } : {}),
    ...(schema ? { schema: String(schema) } : {}),
    ...(field.has('last')
      ? { records: { prev: Number(text('prev')), after: Number(text('after')), last: Number(text('last')) } }
      : {}),
    ...(payload ? { payload } : {}),
  };
}
