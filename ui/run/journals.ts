import { join } from 'node:path';
import type { CommitMark } from '../../graph/node.ts';
import { type BlockReader, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';
import { declareJournalKeys } from '../../lake/journal/journal-keys.ts';
import type { FinishedSegment } from '../../lake/journal/journal-writer.ts';
import { JournaledReader } from '../../lake/journal/journaled-reader.ts';
import { deleteSegments, finishedSegments } from '../../lake/journal/retention.ts';
import { refuseOtherLake, sealJournal } from '../../lake/journal/seal.ts';
import { portsOf, SealProcess } from '../../lake/journal/seal-process.ts';
import type { SegmentPolicy } from '../../lake/journal/segment-policy.ts';
import { openStorage } from '../../lake/open-storage.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';

export interface JournalsJob {
  /** The run's folder. */
  readonly state: string;
  /** Lake that finished segments become part of. */
  readonly capture?: string;
  /** How to reach that lake at an `s3://` address. */
  readonly s3?: S3Options;
  /** Segments stay when nobody needs them any more. */
  readonly keep?: boolean;
  readonly policy?: Partial<SegmentPolicy>;
  readonly process?: Pick<SealProcess, 'seal' | 'stop'>;
}
/** How the journals of a run stand. */
export interface JournalStats {
  /** Bytes and segments on disk. */
  bytes: number;
  segments: number;
  /** Segments that this process has sealed and deleted. */
  sealed: number;
  deleted: number;
  /** Turns of sealing that failed; their segments are sealed later. */
  failures: number;
  last_failure: string | null;
}
/** A journal of the run. Its rows are in the lake under the name of its writer and source. */
interface Journal {
  readonly dir: string;
  readonly writer: string;
  readonly source: string;
  readonly ports: BlockReader['ports'];
  readonly open: { readonly openBytes: number; readonly lastSeq: number; sync?(): void };
  /** In order; what has been deleted is gone from here. */
  finished: FinishedSegment[];
  /** In the lake up to here; −1 = nothing is, or it is not known yet. */
  sealed: number;
}

/** Checkpoints that a start may go back to, and the one that is being written. */
const MARKS = 3;
/** Pause after a failure, ms. */
const RETRY_MS = 60_000;
const writerOf = (source: string): string => `journal-${source}`;

/**
 * The journals of a run with a state folder. While it lives, finished segments become Parquet (in a process of their own) and those
 * that no checkpoint needs are deleted. A start goes on from one of the newest two checkpoints, so what follows the older is kept.
 */
export class RunJournals {
  readonly #job: JournalsJob;
  readonly #process: Pick<SealProcess, 'seal' | 'stop'>;
  readonly #journals = new Map<string, Journal>();
  /** How far the lake goes at the start, by source. */
  readonly #inLake = new Map<string, number>();
  /** Last inputs of the newest commits, by journal. */
  readonly #marks: Record<string, number>[] = [];
  #work: Promise<void> | undefined;
  #notBefore = 0;
  #sealed = 0;
  #deleted = 0;
  #failures = 0;
  #lastFailure: string | null = null;

  constructor(job: JournalsJob) {
    this.#job = job;
    this.#process = job.process ?? new SealProcess(undefined, job.s3);
  }

  /** Puts a journal between a source and the run. */
  open(source: string, reader: BlockReader, keys: KeyTable): JournaledReader {
    const finished: FinishedSegment[] = [];
    const dir = this.#dir(source);
    const journal = JournaledReader.open(reader, dir, keys, () => performance.now(), {
      repeatable: true,
      ...(this.#job.policy ? { policy: this.#job.policy } : {}),
      onFinished: (segment) => finished.push(segment),
    });
    this.add(source, { dir, writer: writerOf(source), source, ports: reader.ports, open: journal }, finished);
    return journal;
  }
  /** @param finished takes what the journal's writer finishes from now on */
  add(id: string, journal: Omit<Journal, 'finished' | 'sealed'>, finished: FinishedSegment[]): void {
    finished.unshift(...finishedSegments(journal.dir));
    this.#journals.set(id, { ...journal, finished, sealed: this.#inLake.get(id) ?? -1 });
  }
  /** Before the sources are opened. @throws CHM625 when the lake holds another run than these sources' journals, or would get a hole */
  async check(sources: readonly string[]): Promise<void> {
    const { capture, s3 } = this.#job;
    if (capture === undefined) return;
    const storage = await openStorage(capture, { ...(s3 ? { s3 } : {}), bucket: { create: true } });
    for (const s of sources) this.#inLake.set(s, await refuseOtherLake(this.#dir(s), capture, writerOf(s), storage));
  }

  /** Everything taken so far survives a loss of power when this returns. */
  sync(): void {
    for (const j of this.#journals.values()) j.open.sync?.();
  }
  /** Within a commit; it may still come to nothing. */
  committed(mark: CommitMark): void {
    this.sync();
    const offsets: Record<string, number> = {};
    // What is no source of the graph is needed from its end at the commit on.
    for (const [id, j] of this.#journals) offsets[id] = mark.offsets[id] ?? j.open.lastSeq;
    this.#marks.push(offsets);
    if (this.#marks.length > MARKS) this.#marks.shift();
    if (this.#work === undefined && this.#due())
      this.#work = this.#tidy(this.#marks.length < MARKS ? undefined : this.#marks[0]!).finally(() => {
        this.#work = undefined;
      });
  }
  get stats(): JournalStats {
    const all = [...this.#journals.values()];
    return {
      bytes: all.reduce((n, j) => n + j.open.openBytes + j.finished.reduce((m, s) => m + s.bytes, 0), 0),
      segments: all.reduce((n, j) => n + j.finished.length + (j.open.openBytes > 0 ? 1 : 0), 0),
      sealed: this.#sealed,
      deleted: this.#deleted,
      failures: this.#failures,
      last_failure: this.#lastFailure,
    };
  }
  /** The run failed: what is under way is left for the next start. */
  async abandon(): Promise<void> {
    await this.#process.stop();
    await this.#work;
  }
  /** After the run, whose last commit is durable and whose journals are closed: all of them become part of the lake. */
  async finish(): Promise<void> {
    await this.#work;
    const { capture, s3 } = this.#job;
    if (capture !== undefined) {
      const storage = await openStorage(capture, s3 ? { s3 } : {});
      for (const j of this.#journals.values()) {
        const keys = new KeyTable();
        declareJournalKeys(j.dir, keys);
        const { writer, source } = j;
        const decoder = new InputCodec(j.ports);
        const done = await sealJournal(j.dir, capture, { writer, source, keys, decoder, storage });
        this.#sealed += done.segments.length;
        j.sealed = done.throughSeq;
      }
    }
    const needed = this.#marks.at(-2);
    if (needed) await this.#delete(needed);
  }

  #dir(source: string): string {
    return join(this.#job.state, 'journal', source);
  }
  #due(): boolean {
    if (performance.now() < this.#notBefore) return false;
    for (const j of this.#journals.values()) {
      if (this.#toSeal(j)) return true;
      // The newest finished segment stays: it says where the journal ends.
      if (j.finished.length > 1 && !this.#job.keep) return true;
    }
    return false;
  }
  #toSeal(j: Journal): boolean {
    const last = j.finished.at(-1);
    return this.#job.capture !== undefined && last !== undefined && last.lastSeq > j.sealed;
  }
  async #tidy(needed: Readonly<Record<string, number>> | undefined): Promise<void> {
    try {
      await this.#seal();
      if (needed) await this.#delete(needed);
    } catch (e) {
      this.#failures++;
      this.#lastFailure = e instanceof ChimeraError ? `${e.code} ${e.message}` : String(e);
      this.#notBefore = performance.now() + RETRY_MS;
    }
  }
  async #seal(): Promise<void> {
    const lake = this.#job.capture;
    const due = [...this.#journals.values()].filter((j) => this.#toSeal(j));
    if (lake === undefined || due.length === 0) return;
    const jobs = due.map(({ dir, writer, source, ports }) => ({ dir, lake, writer, source, ports: portsOf(ports) }));
    for (const { dir, segments, throughSeq } of await this.#process.seal(jobs)) {
      due.find((j) => j.dir === dir)!.sealed = throughSeq;
      this.#sealed += segments;
    }
  }
  async #delete(needed: Readonly<Record<string, number>>): Promise<void> {
    if (this.#job.keep) return;
    for (const [id, j] of this.#journals) {
      const through = Math.min(needed[id] ?? -1, this.#job.capture === undefined ? Number.POSITIVE_INFINITY : j.sealed);
      const keep = j.finished.findIndex((s, i) => s.lastSeq > through || i === j.finished.length - 1);
      if (keep <= 0) continue;
      await deleteSegments(j.dir, j.finished.slice(0, keep));
      j.finished.splice(0, keep);
      this.#deleted += keep;
    }
  }
}
