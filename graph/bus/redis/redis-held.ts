import type { Redis } from 'ioredis';
import { ChimeraError } from '../../schema/error.ts';
import type { Batch, BusCheckpoint, GivenBack, Held, PutAside } from '../bus.ts';
import { Rewound } from '../rewound.ts';
import { GuardedWrites } from './guarded-writes.ts';
import { type Keys, tagOf } from './keys.ts';
import type { Lease } from './lease.ts';
import { givenBack, putLettersAside, tookBack } from './part-letters.ts';
import { type Persistence, persist, untilAborted } from './persist.ts';
import { append } from './scripts/append.ts';
import { commit } from './scripts/commit.ts';
import { need } from './scripts/need.ts';
import { raiseFence } from './scripts/raise-fence.ts';
import { type Client, runScript, type Script } from './scripts/script.ts';
import { trim } from './scripts/trim.ts';

type Argument = string | number | Uint8Array;
type Answer = readonly (Buffer | number)[];

export interface HeldOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly persistence: Persistence;
  readonly lease: Lease;
  readonly partition: string;
  readonly token: number;
  readonly tags: readonly string[];
  /** Slots lie on different nodes. */
  readonly clustered: boolean;
  /** A connection of its own to the node that has the slot of a key. */
  readonly dedicated: (key: string) => Promise<Redis>;
  readonly silentMs: number;
  readonly wallMs: () => number;
}

export class RedisHeld implements Held {
  readonly token: number;
  readonly #o: HeldOptions;
  readonly #home: string;
  readonly #tags: Set<string>;
  /** The last write of each slot: writes of one slot go one after the other, or a later one could overtake a repeated one. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #rewound = {};
  /** By slot; one on a single node. */
  readonly #shortcuts = new Map<string, GuardedWrites>();

  constructor(options: HeldOptions) {
    this.#o = options;
    this.token = options.token;
    this.#home = tagOf(options.partition);
    this.#tags = new Set([this.#home, ...options.tags]);
    const close = (): void => {
      for (const g of this.#shortcuts.values()) g.close();
    };
    options.lease.lost.addEventListener('abort', close, { once: true });
  }
  get lost(): AbortSignal {
    return this.#o.lease.lost;
  }

  check(): void {
    this.#o.lease.check();
  }

  async cover(tags: readonly string[]): Promise<void> {
    for (const tag of tags) {
      if (this.#tags.has(tag)) continue;
      const known = await this.#persist(() => this.#raiseFence(tag));
      if (known > this.token) throw this.#o.lease.lose(`token ${known} was given out for {${tag}}`);
      this.#tags.add(tag);
    }
  }
  /** Makes the token count in all slots but the own one, where acquiring did. Answers a token that is higher than this one, if any. */
  async raise(): Promise<number | undefined> {
    let higher: number | undefined;
    for (const tag of this.#tags) {
      if (tag === this.#home) continue;
      const known = await this.#persist(() => this.#raiseFence(tag));
      if (known > this.token) higher = Math.max(higher ?? 0, known);
    }
    return higher;
  }

  async positions(streams: readonly string[]): Promise<number[]> {
    const found = new Array<number>(streams.length).fill(0);
    const { client, keys } = this.#o;
    await Promise.all(
      [...byTag(streams, (s) => s).values()].map(async (indices) => {
        const at = indices.map((i) => keys.at(streams[i]!));
        const known = await this.#persist(() => client.mget(...at));
        indices.forEach((i, k) => {
          found[i] = Number((known[k] ?? '0').split('-')[0]);
        });
      }),
    );
    return found;
  }

  async append(batches: readonly Batch[]): Promise<void> {
    for (const b of batches) this.#own(tagOf(b.stream));
    await Promise.all(
      this.#together(batches).map(([slot, group]) => this.#inTurn(slot, () => this.#appendTo(slot, group))),
    );
  }
  /** Batches that can be written in one step, by the name of their queue: on a single node these are all. */
  #together(batches: readonly Batch[]): [slot: string, group: readonly Batch[]][] {
    if (batches.length === 0) return [];
    if (!this.#o.clustered) return [['', batches]];
    return [...byTag(batches, (b) => b.stream)].map(([tag, indices]) => [tag, indices.map((i) => batches[i]!)]);
  }
  async #appendTo(slot: string, batches: readonly Batch[]): Promise<void> {
    if (await this.#guarded(slot, (g) => g.append(batches))) return;
    this.#shortcuts.get(slot)?.forget();
    const { keys, partition } = this.#o;
    const byScript = [...byTag(batches, (b) => b.stream)].map(([tag, indices]) => {
      const group = indices.map((i) => batches[i]!);
      return this.#write(tag, append, [keys.fence(partition, tag)], [this.token], group);
    });
    await Promise.all(byScript);
  }

  async commit(checkpoint: BusCheckpoint, batches: readonly Batch[]): Promise<void> {
    for (const b of batches) this.#own(tagOf(b.stream));
    const slot = this.#o.clustered ? this.#home : '';
    const own = batches.filter((b) => tagOf(b.stream) === this.#home);
    const others = batches.filter((b) => tagOf(b.stream) !== this.#home);
    // Records without a checkpoint come again and are passed over; a checkpoint without its records would lose them.
    if (this.#o.clustered) await this.append(others);
    await this.#inTurn(slot, async () => {
      if (await this.#guarded(slot, (g) => g.commit(checkpoint, this.#o.clustered ? own : batches))) return;
      this.#shortcuts.get(slot)?.forget();
      if (!this.#o.clustered && others.length > 0) await this.#appendTo(slot, others);
      await this.#commitByScript(checkpoint, own);
    });
  }
  async #commitByScript({ epoch, graph, blob }: BusCheckpoint, batches: readonly Batch[]): Promise<void> {
    const { keys, partition } = this.#o;
    const fixed = [keys.fence(partition, this.#home), keys.checkpoints(partition)];
    const answer = await this.#write(this.#home, commit, fixed, [this.token, epoch, graph, asBuffer(blob)], batches);
    if (String(answer[0]) === 'OLDER')
      throw new ChimeraError('CHM529', `checkpoint ${epoch} of ${partition} comes after ${String(answer[1])}`, {
        help: 'number checkpoints on from the newest stored one, whichever is started from',
      });
  }
  /** Tries the short way; false: the scripts have to do it. */
  async #guarded(slot: string, write: (g: GuardedWrites) => Promise<boolean>): Promise<boolean> {
    const { lease, keys, partition, token, dedicated, silentMs } = this.#o;
    lease.check();
    let guarded = this.#shortcuts.get(slot);
    if (!guarded) {
      const key = slot === '' ? partition : `{${slot}}`;
      guarded = new GuardedWrites({ keys, partition, token, connect: () => dedicated(keys.stream(key)), silentMs });
      this.#shortcuts.set(slot, guarded);
    }
    const done = await untilAborted(write(guarded), lease.lost);
    if (done) this.#o.persistence.health.well(this.#rewound);
    return done;
  }

  async checkpoints(): Promise<BusCheckpoint[]> {
    const { client, keys, partition } = this.#o;
    const found = await this.#persist(() => client.hgetallBuffer(keys.checkpoints(partition)));
    const places = found['newest'] === undefined ? [] : String(found['newest']) === '0' ? ['0', '1'] : ['1', '0'];
    return places
      .filter((p) => found[`${p}:epoch`] !== undefined)
      .map((p) => ({
        epoch: Number(found[`${p}:epoch`]),
        graph: String(found[`${p}:graph`]),
        blob: found[`${p}:blob`]!,
      }));
  }

  async need(positions: readonly { readonly stream: string; readonly position: number }[]): Promise<void> {
    const { keys, partition } = this.#o;
    await Promise.all(
      [...byTag(positions, (p) => p.stream)].map(async ([tag, indices]) => {
        const mine = indices.map((i) => positions[i]!);
        await this.#call(
          tag,
          need,
          [keys.fence(partition, tag), ...mine.map((p) => keys.need(p.stream))],
          [this.#tags.has(tag) ? this.token : '', partition, ...mine.map((p) => p.position)],
        );
      }),
    );
  }

  async trim(
    streams: readonly { readonly stream: string; readonly consumers: readonly string[] }[],
  ): Promise<number[]> {
    const { keys, partition } = this.#o;
    const done = new Array<number>(streams.length).fill(0);
    await Promise.all(
      [...byTag(streams, (s) => s.stream)].map(async ([tag, indices]) => {
        this.#own(tag);
        const mine = indices.map((i) => streams[i]!);
        const answer = await this.#call(
          tag,
          trim,
          [
            keys.fence(partition, tag),
            ...mine.flatMap((s) => [keys.at(s.stream), keys.stream(s.stream), keys.need(s.stream)]),
          ],
          [this.token, ...mine.flatMap((s) => [s.consumers.length, ...s.consumers])],
        );
        indices.forEach((i, k) => {
          done[i] = Number(answer[2 + k]);
        });
      }),
    );
    return done;
  }

  putAside(letters: readonly PutAside[]): Promise<void> {
    return putLettersAside(this.#o, (run) => this.#persist(run), letters);
  }
  givenBack(streams: readonly { readonly stream: string; readonly after: string }[]): Promise<GivenBack[]> {
    return givenBack(this.#o, (run) => this.#persist(run), streams);
  }
  tookBack(streams: readonly { readonly stream: string; readonly upTo: string }[]): Promise<void> {
    return tookBack(this.#o, (run) => this.#persist(run), streams);
  }

  async release(): Promise<void> {
    await Promise.allSettled(this.#queues.values());
    // Whoever holds it next starts from what the bus knows.
    this.#o.persistence.health.well(this.#rewound);
    await this.#o.lease.release();
  }

  /** Appends, cutting batches that are there in part, until all of them are there. Answers what the script answered then. */
  async #write(
    tag: string,
    script: Script,
    fixedKeys: readonly string[],
    fixedArgs: readonly Argument[],
    batches: readonly Batch[],
  ): Promise<Answer> {
    const streams = [...new Set(batches.map((b) => b.stream))];
    const keys = [...fixedKeys, ...streams.flatMap((s) => [this.#o.keys.at(s), this.#o.keys.stream(s)])];
    let rest = batches;
    for (;;) {
      const args: Argument[] = [...fixedArgs];
      for (const b of rest) args.push(streams.indexOf(b.stream), b.prev, b.last, asBuffer(b.payload));
      const answer = await this.#call(tag, script, keys, args);
      const says = String(answer[0]);
      if (says !== 'PARTIAL' && says !== 'REWOUND') {
        this.#o.persistence.health.well(this.#rewound);
        return answer;
      }
      const batch = rest[Number(answer[1])]!;
      const position = Number(answer[2]);
      if (says === 'REWOUND') {
        const message = `${batch.stream} ends with record ${position}, but what comes after ${batch.prev} was to be appended`;
        this.#o.persistence.health.trouble(this.#rewound, 'CHM523', message);
        throw new Rewound(batch.stream, position, message);
      }
      const cut = batch.split?.(position);
      if (cut?.prev !== position || cut.last !== batch.last)
        throw new ChimeraError(
          'CHM529',
          `of the batch ${batch.prev}–${batch.last} for ${batch.stream} the records up to ${position} are there, and it cannot be cut`,
          { help: 'give batches a split(), or make the same batches again' },
        );
      rest = rest.map((b) => (b === batch ? cut : b));
    }
  }

  /** Runs a script that answers whether the token counts, for as long as it takes. */
  async #call(tag: string, script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Answer> {
    const { client, lease } = this.#o;
    for (;;) {
      const answer = await this.#persist(async () => (await runScript(client, script, keys, args)) as Answer);
      const says = String(answer[0]);
      if (says === 'FENCED') throw lease.lose(`token ${String(answer[1])} was given out since`);
      if (says !== 'UNRAISED') return answer;
      // The slot forgot the token (a fail-over, or restarted empty). Whoever holds the lease may say it again.
      await this.#persist(() => lease.renew());
      const known = await this.#persist(() => this.#raiseFence(tag));
      if (known > this.token) throw lease.lose(`token ${known} was given out since`);
    }
  }
  async #raiseFence(tag: string): Promise<number> {
    const { client, keys, partition } = this.#o;
    return Number(await runScript(client, raiseFence, [keys.fence(partition, tag)], [this.token]));
  }
  #persist<T>(run: () => Promise<T>): Promise<T> {
    const { persistence, lease } = this.#o;
    return persist(persistence, lease.lost, () => {
      lease.check();
      return run();
    });
  }
  #inTurn(tag: string, run: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(tag);
    // What went wrong before is told to who asked for it; what comes after it is judged by the positions.
    const turn = before === undefined ? run() : before.then(run, run);
    this.#queues.set(tag, turn);
    const done = (): void => {
      if (this.#queues.get(tag) === turn) this.#queues.delete(tag);
    };
    turn.then(done, done);
    return turn;
  }
  #own(tag: string): void {
    if (this.#tags.has(tag)) return;
    throw new ChimeraError('CHM529', `${this.#o.partition} was acquired without a fence for {${tag}}`, {
      help: 'name all slots that the partition writes to in `tags`',
    });
  }
}

function byTag<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  items.forEach((item, i) => {
    const tag = tagOf(nameOf(item));
    const group = groups.get(tag);
    if (group) group.push(i);
    else groups.set(tag, [i]);
  });
  return groups;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
