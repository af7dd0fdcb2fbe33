import { randomUUID } from 'node:crypto';
import { openRedisBus, type RedisBus } from '../../graph/bus/redis/open-redis-bus.ts';
import { persist } from '../../graph/bus/redis/persist.ts';
import { SharedStream } from '../../graph/bus/redis/shared-stream.ts';
import type { CommitMark, Ctx, Env, InPorts, Tick, Wiring } from '../../graph/node.ts';
import { BufferedSink } from '../buffered-sink.ts';
import { type Fields, rowFields } from '../documents/row-fields.ts';
import { durableStoreOf } from '../run-store.ts';
import { documentId, documentKey, type RunStore } from '../store/index.ts';
import type { RedisSinkConfig } from './redis.ts';

/** Where to publish, as the program hands it to the run under the name `publish`. */
export interface PublishAccess {
  readonly url: string;
  /** Stands before all names. */
  readonly prefix?: string;
}
/** Part of each commit. */
interface Memory {
  /** Number of the last record of each stream. */
  numbers: Record<string, number>;
  /** Last values: by key, by instrument ('' = the key is a plain one). */
  last: Record<string, Record<string, string>>;
  /** What was published a moment ago, by stream. */
  recent: Record<string, Published[]>;
}
interface Published {
  readonly n: number;
  /** By the clock of the machine, ms. */
  readonly at: number;
  readonly text: string;
}

/** Rows of a stream that go with one call. */
const BATCH = 500;
/** A Redis that syncs its file once a second forgets up to two seconds when it dies: so long records are sent again, and keys set again, ms. */
const FORGOTTEN_MS = 3000;

export class RedisSink extends BufferedSink {
  readonly #config: RedisSinkConfig;
  readonly #bus: RedisBus | undefined;
  readonly #store: RunStore | undefined;
  readonly #writer: string;
  readonly #streams: ReadonlyMap<string, SharedStream>;
  /** Whose numbers these are: another life of the pipeline, begun anew, counts from 1 under another name. */
  readonly #source: string;
  #memory: Memory | undefined;
  /** When all keys were last written, by the clock of the process. */
  #filledMs = Number.NEGATIVE_INFINITY;

  static async open(config: RedisSinkConfig, env: Env, wiring: Wiring): Promise<RedisSink> {
    const access = env.access?.['publish'] as PublishAccess | undefined;
    if (!access) return new RedisSink(config, env, wiring, undefined, undefined, '');
    const bus = await openRedisBus(access.url, access.prefix === undefined ? {} : { prefix: access.prefix });
    try {
      const store = await durableStoreOf(env);
      return new RedisSink(config, env, wiring, bus, store, await lifeOf(store, env));
    } catch (e) {
      await bus.close();
      throw e;
    }
  }
  private constructor(
    config: RedisSinkConfig,
    env: Env,
    wiring: Wiring,
    bus: RedisBus | undefined,
    store: RunStore | undefined,
    life: string,
  ) {
    super(env, wiring, []);
    this.#config = config;
    this.#bus = bus;
    this.#store = store;
    this.#writer = `${env.pipeline}.${env.node}`;
    this.#source = `${this.#writer}.${life}`;
    this.#streams = new Map(bus ? config.streams.map((s) => [s.stream, new SharedStream(bus, s.stream)]) : []);
  }

  override write(tick: Tick<InPorts>, ctx: Ctx): void {
    if (this.#bus) super.write(tick, ctx);
  }
  protected async flush(mark: CommitMark): Promise<void> {
    const bus = this.#bus;
    if (!bus) return;
    const memory = structuredClone(this.#memory ?? (await this.#recall(mark.epoch)));
    const at = Date.now();
    for (const [stream, published] of Object.entries(memory.recent))
      memory.recent[stream] = await this.#publishAgain(stream, published, at);
    const out = new Map<string, Published[]>();
    for (const row of this.#rowsOf()) this.#take(row, memory, out, at);
    for (const [stream, records] of out) await this.#publish(stream, records);
    for (const stream of this.#streams.keys())
      memory.recent[stream] = [...(memory.recent[stream] ?? []), ...(out.get(stream) ?? [])].filter(
        (p) => at - p.at < FORGOTTEN_MS,
      );
    await this.#write(bus, memory);
    await this.#store?.saveManifest(this.#writer, mark.epoch, memory as never);
    // As many as there are checkpoints to go back to.
    await this.#store?.keepManifest(this.#writer, mark.epoch - 2, mark.epoch + 1);
    this.#memory = memory;
  }
  async #publish(stream: string, records: readonly Published[]): Promise<void> {
    for (let i = 0; i < records.length; i += BATCH)
      await this.#streams.get(stream)!.append(
        { name: this.#source },
        records.slice(i, i + BATCH).map(({ n, text }) => ({ n, payload: Buffer.from(text) })),
      );
  }
  /** Publishes once more what Redis knew and has forgotten. @returns what it may forget from now on */
  async #publishAgain(stream: string, published: Published[], at: number): Promise<Published[]> {
    const last = published.at(-1);
    if (!last) return published;
    const mark = await this.#streams.get(stream)!.mark(this.#source);
    if (mark >= last.n) return published;
    const again = published.map((p) => (p.n > mark ? { ...p, at } : p));
    await this.#publish(
      stream,
      again.filter((p) => p.n > mark),
    );
    return again;
  }
  async close(): Promise<void> {
    await this.#bus?.close();
    await this.#store?.close();
  }

  async #recall(epoch: number): Promise<Memory> {
    const entry = (await this.#store?.loadManifest(this.#writer, 1, epoch))?.at(-1)?.entry;
    return { numbers: {}, last: {}, recent: {}, ...(entry as Partial<Memory> | undefined) };
  }
  *#rowsOf(): Generator<Row> {
    const at = this.buffers.map(() => 0);
    const first = this.buffers.map(() => 0);
    for (let r = 0; r < this.rows; r++) {
      const p = this.order[r]!;
      const rows = this.buffers[p]!;
      const i = at[p]!++;
      const f = first[p]!;
      if (rows.cause[i] !== rows.cause[f] || rows.seq[i] !== rows.seq[f]) first[p] = i;
      const k = rows.key[i]!;
      const key = k < 0 || Number.isNaN(k) ? undefined : this.env.keys.at(k);
      yield {
        port: this.ports[p]!,
        schema: rows.schema.name,
        t: rows.t[i]!,
        key: key?.name ?? '',
        source: this.causes[rows.cause[i]!]!,
        seq: rows.seq[i]!,
        index: i - first[p]!,
        values: rowFields(rows, i, key),
      };
    }
  }
  #take(row: Row, memory: Memory, out: Map<string, Published[]>, at: number): void {
    const { values } = row;
    for (const s of this.#config.streams) {
      if (s.from !== row.port || Object.entries(s.only).some(([f, v]) => String(values[f]) !== v)) continue;
      const n = (memory.numbers[s.stream] ?? 0) + 1;
      memory.numbers[s.stream] = n;
      const { port: _, t, source, seq, index, ...rest } = row;
      const id = s.document && {
        id: documentId(
          s.document.collection,
          documentKey(this.env.pipeline, s.document.sink, s.document.port, source, seq, index),
        ),
      };
      const entry = { v: 1, t_us: t, ...rest, source, seq, index, ...id };
      const list = out.get(s.stream) ?? [];
      list.push({ n, at, text: JSON.stringify(entry) });
      out.set(s.stream, list);
    }
    for (const k of this.#config.keys) {
      if (k.from !== row.port) continue;
      const value =
        k.field === undefined ? JSON.stringify({ v: 1, t_us: row.t, values }) : String(values[k.field] ?? '');
      memory.last[k.key] = { ...memory.last[k.key], [row.key]: value };
    }
  }
  /** Keys that are new or other; at the start and every few seconds all of them. */
  async #write(bus: RedisBus, memory: Memory): Promise<void> {
    const now = performance.now();
    const all = now - this.#filledMs > FORGOTTEN_MS;
    const before = all ? {} : (this.#memory?.last ?? {});
    if (all) this.#filledMs = now;
    const { connection, keys, persistence, closing } = bus;
    for (const [key, fields] of Object.entries(memory.last)) {
      for (const [instrument, value] of Object.entries(fields)) {
        if (before[key]?.[instrument] === value) continue;
        const at = keys.stream(key);
        await persist(
          persistence,
          closing,
          (): Promise<unknown> =>
            instrument === '' ? connection.client.set(at, value) : connection.client.hset(at, instrument, value),
        );
      }
    }
  }
}
interface Row {
  readonly port: string;
  readonly schema: string;
  readonly t: number;
  readonly key: string;
  readonly source: string;
  readonly seq: number;
  readonly index: number;
  readonly values: Fields;
}

/** Name of this life of the run; written down before anything is published under it. */
async function lifeOf(store: RunStore | undefined, env: Env): Promise<string> {
  const writer = `${env.pipeline}.${env.node}:life`;
  const known = (await store?.loadManifest(writer, 0, 1))?.[0]?.entry as { life: string } | undefined;
  if (known) return known.life;
  const life = randomUUID();
  await store?.saveManifest(writer, 0, { life });
  return life;
}
