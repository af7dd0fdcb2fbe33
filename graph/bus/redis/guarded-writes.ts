import type { Redis } from 'ioredis';
import { ChimeraError } from '../../schema/error.ts';
import type { Batch, BusCheckpoint } from '../bus.ts';
import { type Keys, tagOf } from './keys.ts';
import { type Command, RawCommands, type Reply } from './raw-commands.ts';

/** Keys that are watched from one write to the next, at most; a write that needs more watches its own alone. */
const MOST_KEYS = 64;
const RETRY_MS = 200;

export interface GuardedOptions {
  readonly keys: Keys;
  readonly partition: string;
  readonly token: number;
  /** Opens a connection that nothing else uses. */
  readonly connect: () => Promise<Redis>;
  readonly silentMs: number;
}

/**
 * The same writes as the scripts make, as plain commands: Lua hashes and copies each payload several times on its way, a
 * transaction does not. Its connection WATCHes the fence and the positions of the streams, then reads them: so it knows
 * that they have these values until MULTI … EXEC, which does nothing when one of them was written since, by whomever. With each
 * EXEC go the WATCH and the reading for the next write, so one journey to the server is enough.
 *
 * So it is the scripts' own promise: the token counts and each batch follows what is there, checked and written in one step. A
 * holder that was fenced off has its EXEC refused, also one that reaches the server late: acquiring writes the fence. One that
 * was sent and given up, and arrives after the write was repeated by a script, is refused because the script moved the position.
 * (An XADD without all this would not be safe: it refuses an id that is there, but a stale holder can be the first with an id.)
 * Whatever is not the plain case (not connected, a token that does not count, batches that are there already, an answer that
 * never came) is left to the scripts: `false` says only that it is not known to be done.
 */
export class GuardedWrites {
  readonly #o: GuardedOptions;
  #raw: RawCommands | undefined;
  #closed = false;
  #connecting = false;
  #retryMs = 0;
  /** Values of the keys that are watched; '' = the key is not there. Empty: nothing is watched. */
  readonly #watched = new Map<string, string>();

  constructor(options: GuardedOptions) {
    this.#o = options;
  }

  get isConnected(): boolean {
    return this.#raw !== undefined;
  }
  async append(batches: readonly Batch[]): Promise<boolean> {
    return this.#write(batches, undefined);
  }
  /** A checkpoint, and batches with it: all or nothing. */
  async commit(checkpoint: BusCheckpoint, batches: readonly Batch[]): Promise<boolean> {
    return this.#write(batches, checkpoint);
  }
  /** A script has written: what is watched has changed. */
  forget(): void {
    this.#watched.clear();
  }
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #write(batches: readonly Batch[], checkpoint: BusCheckpoint | undefined): Promise<boolean> {
    const raw = this.#raw;
    if (!raw) {
      this.#connect();
      return false;
    }
    try {
      const { keys, partition, token } = this.#o;
      const fences: string[] = checkpoint ? [keys.fence(partition, tagOf(partition))] : [];
      const names: string[] = [];
      for (const { stream } of batches) {
        const fence = keys.fence(partition, tagOf(stream));
        if (!fences.includes(fence)) fences.push(fence);
        names.push(keys.at(stream));
      }
      const place = await this.#watch(raw, [...fences, ...names], checkpoint);
      if (place === undefined) return false;
      for (const f of fences) if (this.#watched.get(f) !== String(token)) return false;
      const commands = this.#commandsOf(batches);
      if (!commands) return false;
      if (checkpoint) commands.push(this.#commandOf(checkpoint, place));
      return await this.#exec(raw, commands);
    } catch (e) {
      this.#drop();
      if (e instanceof ChimeraError) throw e;
      return false;
    }
  }

  /** @returns where a checkpoint is to be put; undefined when none can be */
  async #watch(
    raw: RawCommands,
    names: readonly string[],
    checkpoint: BusCheckpoint | undefined,
  ): Promise<string | undefined> {
    if (!checkpoint && names.every((k) => this.#watched.has(k))) return '';
    if (this.#watched.size + names.length > MOST_KEYS) this.#watched.clear();
    for (const k of names) this.#watched.set(k, '');
    const all = [...this.#watched.keys()];
    const hash = this.#o.keys.checkpoints(this.#o.partition);
    const read = checkpoint ? [['HMGET', hash, 'newest', '0:epoch', '1:epoch']] : [];
    const watch = ['WATCH', ...all, ...(checkpoint ? [hash] : [])];
    const [, , values, found] = noErrors(await raw.send([['UNWATCH'], watch, ['MGET', ...all], ...read]));
    this.#learn(all, values);
    if (!checkpoint) return '';
    const [newest, ...epochs] = found as (string | null)[];
    if (newest === null) return '0';
    if (Number(epochs[Number(newest)]) >= checkpoint.epoch) return undefined;
    return newest === '0' ? '1' : '0';
  }
  #learn(all: readonly string[], values: Reply | undefined): void {
    all.forEach((k, i) => {
      this.#watched.set(k, (values as (string | null)[])[i] ?? '');
    });
  }

  /** Undefined when a batch does not simply follow what is there. */
  #commandsOf(batches: readonly Batch[]): Command[] | undefined {
    const { keys } = this.#o;
    const ends = new Map<string, string>();
    const commands: Command[] = [];
    for (const { stream, prev, last, payload } of batches) {
      const at = keys.at(stream);
      const end = ends.get(at) ?? this.#watched.get(at)!;
      const [position = 0, sub = 0] = end.split('-').map(Number);
      if (prev !== position || last < prev) return undefined;
      const id = last === prev ? `${last}-${sub + 1}` : `${last}-0`;
      commands.push(['XADD', keys.stream(stream), id, 'p', prev, 'b', asBuffer(payload)]);
      ends.set(at, id);
    }
    for (const [at, id] of ends) commands.push(['SET', at, id]);
    return commands;
  }
  #commandOf({ epoch, graph, blob }: BusCheckpoint, place: string): Command {
    const of = ['newest', place, `${place}:epoch`, epoch, `${place}:graph`, graph, `${place}:blob`, asBuffer(blob)];
    return ['HSET', this.#o.keys.checkpoints(this.#o.partition), ...of];
  }

  async #exec(raw: RawCommands, commands: readonly Command[]): Promise<boolean> {
    const all = [...this.#watched.keys()];
    const replies = await raw.send([['MULTI'], ...commands, ['EXEC'], ['WATCH', ...all], ['MGET', ...all]]);
    // Refused as a whole: not a primary, out of memory, the slot has moved. The scripts find out which.
    const [done, , values] = noErrors(replies.slice(commands.length + 1)) as [readonly Reply[] | null, Reply, Reply];
    this.#learn(all, values);
    if (done === null) return false;
    // Redis does not take back the rest of it.
    for (const reply of done)
      if (reply instanceof Error)
        throw new ChimeraError('CHM529', `Redis cannot append for ${this.#o.partition}: ${reply.message}`, {
          help: 'something else has written to the streams of the bus: start with another prefix',
        });
    return true;
  }

  #connect(): void {
    if (this.#connecting || this.#closed || performance.now() < this.#retryMs) return;
    this.#connecting = true;
    this.#o
      .connect()
      .then((redis) => {
        if (this.#closed) return redis.disconnect();
        const raw = new RawCommands(redis, this.#o.silentMs, () => {
          if (this.#raw === raw) this.#drop();
        });
        this.#raw = raw;
      })
      .catch(() => {
        this.#retryMs = performance.now() + RETRY_MS;
      })
      .finally(() => {
        this.#connecting = false;
      });
  }
  #drop(): void {
    const raw = this.#raw;
    this.#raw = undefined;
    this.#watched.clear();
    raw?.close();
  }
}

function noErrors(replies: readonly Reply[]): readonly Reply[] {
  for (const r of replies) if (r instanceof Error) throw r;
  return replies;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
