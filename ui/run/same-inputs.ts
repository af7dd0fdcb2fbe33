import { createHash } from 'node:crypto';
import { type Block, type BlockReader, ChimeraError, type InputQuality } from '../../graph/schema/index.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';

/** The last input of a source that a commit holds. */
export interface InputMark {
  seq: number;
  /** sha256 of the input as the journal would hold it, and its arrival time. */
  digest: string;
  t: number;
}

/**
 * A source of files that a run with durable state reads without a journal. A run that resumes finds its place by number
 * alone, so other files would be joined to the first ones unseen: the last committed input must come again as it was.
 */
export class SameInputs implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #live: BlockReader;
  readonly #source: string;
  readonly #codec: InputCodec;
  /** What was handed on last; the source may reuse it at the next read. */
  #block: Block | null = null;
  /** The last input before `#block`, or where the source was set. */
  #before: InputMark | undefined;

  /** @param committed the mark of the commit from which the run goes on */
  constructor(live: BlockReader, source: string, committed: InputMark | undefined) {
    this.ports = live.ports;
    this.#live = live;
    this.#source = source;
    this.#codec = new InputCodec(live.ports);
    this.#before = committed;
  }
  async read(): Promise<Block | null> {
    if (this.#block) this.#before = this.#markOf(this.#block, this.#block.n - 1);
    this.#block = await this.#live.read();
    return this.#block;
  }
  /** @throws CHM623 when the input at `seq` is not the one that was committed, CHM709 when the source cannot go back */
  async seek(seq: number): Promise<void> {
    if (!this.#live.seek)
      throw new ChimeraError('CHM709', `source ${this.#source} cannot go back to input ${seq}`, {
        source: this.#source,
      });
    const was = this.at(seq);
    this.#block = null;
    this.#before = was;
    if (was) {
      await this.#live.seek(seq - 1);
      const block = await this.#live.read();
      const now = block && block.n > 0 ? this.#markOf(block, 0) : undefined;
      if (now?.seq !== seq || now.t !== was.t || now.digest !== was.digest)
        throw new ChimeraError('CHM623', `source ${this.#source} gives other inputs than the run began with`, {
          source: this.#source,
          help: 'resume with the inputs of the first start (more may follow behind them), or use another state folder',
        });
    }
    await this.#live.seek(seq);
  }
  /** What a commit records of an input at hand: of the block that was read last, or the one before it. */
  at(seq: number): InputMark | undefined {
    const b = this.#block;
    if (b && seq >= b.seq0 && seq < b.seq0 + b.n) return this.#markOf(b, seq - b.seq0);
    return this.#before?.seq === seq ? this.#before : undefined;
  }
  close(): Promise<void> {
    return this.#live.close();
  }
  get quality(): InputQuality | undefined {
    return this.#live.quality;
  }

  #markOf(block: Block, i: number): InputMark {
    const digest = createHash('sha256').update(this.#codec.encode(block, i)).digest('hex');
    return { seq: block.seq0 + i, digest, t: block.t[i]! };
  }
}
