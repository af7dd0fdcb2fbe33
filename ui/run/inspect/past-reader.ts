import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_ROWS, type Block, type BlockReader, ChimeraError, type KeyTable } from '../../../graph/schema/index.ts';
import { InputCodec } from '../../../lake/journal/input-codec.ts';
import { lastRecordOf, readJournal, segments } from '../../../lake/journal/journal-reader.ts';
import { deletedThrough } from '../../../lake/journal/retention.ts';
import type { JournalRecord } from '../../../lake/journal/segment.ts';

export interface PastOptions {
  readonly ports: BlockReader['ports'];
  /** The source's journal. */
  readonly journal: string;
  readonly keys: KeyTable;
  /** Opens what holds the older inputs: a lake, or the files that the run read. */
  readonly older: (() => Promise<BlockReader>) | undefined;
}

/** Blocks that stay at hand, so that a step back costs no second look at the disk. */
const AT_HAND = 64;

/** The inputs of a source as a run had them, from any number on: from the journal where that has them, else from what is older. */
export class PastReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #o: PastOptions;
  readonly #codec: InputCodec;
  #older: BlockReader | undefined;
  #records: Iterator<JournalRecord> | undefined;
  #pending: Block[] = [];
  /** Last input handed on. */
  #last = -1;
  /** Where reading on happens; −2 = nowhere yet. */
  #at = -2;
  #recent: Block[] = [];

  constructor(o: PastOptions) {
    this.#o = o;
    this.ports = o.ports;
    this.#codec = new InputCodec(o.ports);
  }

  async read(): Promise<Block | null> {
    const known = this.#recent.find((b) => b.seq0 <= this.#last + 1 && b.seq0 + b.n > this.#last + 1);
    const block = known ?? (await this.#fetch());
    if (!block) return null;
    if (!known) {
      this.#recent.push(block);
      if (this.#recent.length > AT_HAND) this.#recent.shift();
    }
    const skip = this.#last + 1 - block.seq0;
    this.#last = block.seq0 + block.n - 1;
    return skip > 0 ? behind(block, skip) : block;
  }
  async seek(seq: number): Promise<void> {
    this.#last = seq;
  }
  async close(): Promise<void> {
    await this.#older?.close();
    this.#older = undefined;
    this.#records = undefined;
  }

  async #fetch(): Promise<Block | null> {
    if (this.#at !== this.#last) await this.#open();
    const block = await this.#next();
    // A journal that is still being written goes on later.
    this.#at = block ? block.seq0 + block.n - 1 : -2;
    return block;
  }
  async #open(): Promise<void> {
    await this.close();
    this.#pending = [];
    if (this.#journalHas(this.#last + 1)) this.#records = readJournal(this.#o.journal, this.#last + 1);
    else if (this.#o.older) {
      this.#older = await this.#o.older();
      if (this.#last >= 0) await this.#older.seek?.(this.#last);
    } else if (deletedThrough(this.#o.journal) > this.#last)
      throw new ChimeraError('CHM758', `inputs from ${this.#last + 1} on are no longer in ${this.#o.journal}`, {
        file: this.#o.journal,
        seq: this.#last + 1,
        help: 'name the lake that the run captured; without one, run with --keep-journal',
      });
    this.#at = this.#last;
  }
  #journalHas(seq: number): boolean {
    const { journal } = this.#o;
    return existsSync(journal) && segments(journal).length > 0 && seq > deletedThrough(journal);
  }
  async #next(): Promise<Block | null> {
    for (;;) {
      const block = this.#pending.shift();
      if (block) return block;
      if (this.#older) {
        // Sources may fill the same block again.
        const next = await this.#older.read();
        if (next) return copyOf(next);
        await this.#older.close();
        this.#older = undefined;
        if (!this.#journalHas(this.#at + 1)) return null;
        this.#records = readJournal(this.#o.journal, this.#at + 1);
        continue;
      }
      if (!this.#records) return null;
      const batch: JournalRecord[] = [];
      while (batch.length < BLOCK_ROWS) {
        const { value, done } = this.#records.next();
        if (done) {
          this.#records = undefined;
          break;
        }
        batch.push({ ...value, payload: Uint8Array.from(value.payload) });
      }
      if (batch.length === 0) return null;
      this.#pending = this.#codec.decode(batch);
    }
  }
}

/** Number of the last input that the journal of a source holds; −1 = none. */
export const journalEnd = (state: string, source: string): number => lastRecordOf(join(state, 'journal', source)).seq;

const behind = (b: Block, from: number): Block => ({
  ...b,
  n: b.n - from,
  seq0: b.seq0 + from,
  t: b.t.subarray(from, b.n),
  port: b.port.subarray(from, b.n),
  key: b.key.subarray(from, b.n),
  row: b.row.subarray(from, b.n),
});
const copyOf = (b: Block): Block => ({
  ...b,
  t: b.t.slice(0, b.n),
  port: b.port.slice(0, b.n),
  key: b.key.slice(0, b.n),
  row: b.row.slice(0, b.n),
  ports: b.ports.map((p) => ({
    n: p.n,
    columns: p.columns.map((c) =>
      c instanceof Float64Array || Array.isArray(c)
        ? c.slice()
        : { ...c, values: c.values.slice(), offsets: c.offsets.slice() },
    ) as typeof p.columns,
  })),
});
