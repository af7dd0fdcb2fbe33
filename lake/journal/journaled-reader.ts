import { mkdirSync } from 'node:fs';
import {
  BLOCK_ROWS,
  type Block,
  type BlockReader,
  ChimeraError,
  type InputQuality,
  isLive,
  type KeyTable,
  type LiveReader,
} from '../../graph/schema/index.ts';
import { InputCodec } from './input-codec.ts';
import { keepKeys } from './journal-keys.ts';
import { readJournal } from './journal-reader.ts';
import { type JournalOptions, JournalWriter } from './journal-writer.ts';
import { requireFrom } from './retention.ts';
import type { JournalRecord } from './segment.ts';

export interface JournaledOptions extends Pick<JournalOptions, 'policy' | 'onFinished'> {
  /** The source can give its past again (files can): where the journal ends it must give what the journal holds. */
  repeatable?: boolean;
}

/**
 * A live source behind its journal: every batch is written to the journal before it is handed on, and a run that
 * resumes reads the journal from its checkpoint to the end before it goes on with the source: one path for start and
 * recovery. The journal numbers inputs; it is the truth about what arrived and when.
 */
export class JournaledReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #live: BlockReader;
  readonly #dir: string;
  readonly #writer: JournalWriter;
  readonly #codec: InputCodec;
  readonly #repeatable: boolean;
  /** The journal is to be read from this input on. */
  #from: number | undefined;
  #replay: Iterator<JournalRecord> | undefined;
  /** Last input handed on. */
  #last = -1;
  /** Last input that the live source delivered to this reader. */
  #liveAt = -1;
  /** Decoded from the journal, not yet handed on. */
  #pending: Block[] = [];

  protected constructor(live: BlockReader, dir: string, writer: JournalWriter, repeatable: boolean) {
    this.ports = live.ports;
    this.#live = live;
    this.#dir = dir;
    this.#writer = writer;
    this.#codec = new InputCodec(live.ports);
    this.#repeatable = repeatable;
  }

  /**
   * @param clock wall clock in ms; it only decides when to sync
   * @throws CHM622 when the journal was written with other decimals than the source has now. Reading on from where the journal
   * does not reach back to throws CHM624.
   */
  static open(
    live: BlockReader,
    dir: string,
    keys: KeyTable,
    clock: () => number,
    options: JournaledOptions = {},
  ): JournaledReader {
    mkdirSync(dir, { recursive: true });
    keepKeys(dir, keys);
    const { repeatable = false, ...segments } = options;
    const writer = JournalWriter.open(dir, { clock, ...segments });
    const reader = isLive(live)
      ? new JournaledLive(live, dir, writer)
      : new JournaledReader(live, dir, writer, repeatable);
    if (reader.#writer.lastSeq >= 0) reader.#from = 0;
    return reader;
  }

  async read(): Promise<Block | null> {
    const replayed = this.#fromJournal();
    if (replayed) return replayed;
    return this.fromSource();
  }
  protected async fromSource(): Promise<Block | null> {
    if (this.#liveAt < this.#writer.lastSeq) await this.#seekLive();
    const block = await this.#live.read();
    if (block) this.#liveAt = this.write(block);
    return block;
  }
  /** Writes a batch down. @returns the number of its last input */
  protected write(block: Block): number {
    for (let i = 0; i < block.n; i++) this.#writer.append(block.seq0 + i, block.t[i]!, 0, this.#codec.encode(block, i));
    this.#writer.flush();
    this.#last = block.seq0 + block.n - 1;
    return this.#last;
  }
  /** Number of the next input that the journal does not hold yet. */
  protected get next(): number {
    return this.#writer.lastSeq + 1;
  }
  async seek(seq: number): Promise<void> {
    this.#last = seq;
    this.#pending = [];
    this.#replay = undefined;
    this.#from = seq < this.#writer.lastSeq ? seq + 1 : undefined;
  }
  get lastSeq(): number {
    return this.#writer.lastSeq;
  }
  /** Bytes of the segment that is being written. */
  get openBytes(): number {
    return this.#writer.openBytes;
  }
  /** Everything handed on survives a power cut when this returns. */
  sync(): void {
    this.#writer.sync();
  }
  async close(): Promise<void> {
    this.#writer.close();
    await this.#live.close();
  }
  get quality(): InputQuality | undefined {
    return this.#live.quality;
  }

  #fromJournal(): Block | undefined {
    if (this.#pending.length === 0) this.#pending = this.#fromReplay();
    const block = this.#pending.shift();
    if (block) this.#last = block.seq0 + block.n - 1;
    return block;
  }
  #fromReplay(): Block[] {
    if (this.#from !== undefined) {
      requireFrom(this.#dir, this.#from - 1);
      this.#replay = readJournal(this.#dir, this.#from);
      this.#from = undefined;
    }
    if (!this.#replay) return [];
    const batch: JournalRecord[] = [];
    while (batch.length < BLOCK_ROWS) {
      const { value, done } = this.#replay.next();
      if (done) {
        this.#replay = undefined;
        break;
      }
      if (value.seq > this.#last) batch.push({ ...value, payload: Uint8Array.from(value.payload) });
    }
    return batch.length === 0 ? [] : this.#codec.decode(batch);
  }
  async #seekLive(): Promise<void> {
    if (!this.#live.seek)
      throw new ChimeraError('CHM709', 'the source behind the journal cannot go on where the journal ends', {
        help: 'start the run anew in an empty folder',
      });
    const last = this.#writer.lastSeq;
    if (this.#repeatable) await this.#refuseOtherInputs(last);
    await this.#live.seek(last);
    this.#liveAt = last;
  }
  /** Going on with other inputs would join two markets to one run: the last journaled input must come again. */
  async #refuseOtherInputs(last: number): Promise<void> {
    const was = readJournal(this.#dir, last).next().value as JournalRecord | undefined;
    await this.#live.seek!(last - 1);
    const now = await this.#live.read();
    const same =
      was !== undefined &&
      now !== null &&
      now.seq0 === last &&
      now.t[0] === was.t &&
      Buffer.compare(this.#codec.encode(now, 0), was.payload) === 0;
    if (!same)
      throw new ChimeraError('CHM623', `the journal in ${this.#dir} holds other inputs than its source gives now`, {
        file: this.#dir,
        help: 'resume with the inputs of the first start (more may follow behind them), or use another state folder',
      });
  }
}

/** A source that goes on: `read` gives the journal up to its end, `poll` what arrives, numbered by the journal. */
class JournaledLive extends JournaledReader implements LiveReader {
  readonly #source: LiveReader;

  constructor(live: LiveReader, dir: string, writer: JournalWriter) {
    super(live, dir, writer, false);
    this.#source = live;
  }
  poll(nowUs: number): Block | null {
    const block = this.#source.poll(nowUs);
    if (!block) return null;
    block.seq0 = this.next;
    this.write(block);
    if (this.#source.written) {
      this.sync();
      this.#source.written(block.seq0, block.n);
    }
    return block;
  }
  set wake(wake: () => void) {
    this.#source.wake = wake;
  }
  protected override fromSource(): Promise<null> {
    return Promise.resolve(null);
  }
}
