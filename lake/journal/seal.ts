import { type Block, type BlockReader, ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import { type BronzeWriterOptions, openBronzeWriter } from '../bronze-writer.ts';
import { type FileEntry, readCommits } from '../manifest.ts';
import { LocalStorage } from '../storage.ts';
import { endOf, lastRecordOf, SegmentReader, segments } from './journal-reader.ts';
import { deletedThrough } from './retention.ts';
import { withSealLock } from './seal-lock.ts';
import type { JournalRecord } from './segment.ts';

/** Turns records back into inputs: one record is one input with the record's seq and t_avail, or none when it was ignored. */
export interface JournalDecoder {
  readonly ports: BlockReader['ports'];
  /** Records hold only during the call. Blocks must be in order; rows of a block have consecutive seq. */
  decode(records: readonly JournalRecord[]): Block[];
}
export interface SealOptions {
  writer: string;
  source: string;
  keys: KeyTable;
  decoder: JournalDecoder;
  rolling?: BronzeWriterOptions['rolling'];
  storage?: BronzeWriterOptions['storage'];
}
export interface SealResult {
  /** Finished segments that were not yet in the lake as a whole. */
  segments: string[];
  /** Everything up to this input is in the lake; −1 = nothing. */
  throughSeq: number;
  /** What the lake now holds of this journal, when something was added. */
  rows: Record<string, number>;
  files: FileEntry[];
}
const BATCH = 1024;

/**
 * Seals all finished segments of a journal into the lake: decode, write, commit. It goes on behind its last commit, so
 * that a crash anywhere costs only the repetition, and every segment ends in a commit of its own, so that the same
 * journal gives the same files.
 */
export function sealJournal(dir: string, lake: string, options: SealOptions): Promise<SealResult> {
  return withSealLock(dir, () => seal(dir, lake, options));
}
async function seal(dir: string, lake: string, options: SealOptions): Promise<SealResult> {
  const throughSeq = await sealedThrough(lake, options.writer, options.storage);
  const result: SealResult = { segments: [], throughSeq, rows: {}, files: [] };
  for (const file of segments(dir)) {
    const end = endOf(file);
    // Still being written: it is sealed whole, or not yet.
    if (end === undefined || end <= result.throughSeq) continue;
    const done = await sealSegment(file, lake, options);
    result.segments.push(file);
    result.throughSeq = end;
    result.rows = done.rows;
    result.files = done.files;
  }
  return result;
}

async function sealSegment(file: string, lake: string, options: SealOptions) {
  const reader = new SegmentReader(file);
  const { keys, decoder, writer: name, source, rolling, storage } = options;
  const writer = await openBronzeWriter(lake, {
    writer: name,
    source,
    keys,
    ports: decoder.ports,
    resume: true,
    ...(rolling ? { rolling } : {}),
    ...(storage ? { storage } : {}),
  });
  try {
    const batch: JournalRecord[] = [];
    for (;;) {
      const r = reader.next();
      if (r) batch.push({ ...r, payload: Uint8Array.from(r.payload) });
      if (batch.length === BATCH || (!r && batch.length > 0)) {
        for (const block of decoder.decode(batch))
          if (block.seq0 + block.n - 1 > writer.resumedFrom) await writer.write(block);
        batch.length = 0;
      }
      if (!r) break;
    }
    return await writer.close();
  } catch (e) {
    await writer.abort().catch(() => undefined);
    throw e;
  } finally {
    reader.close();
  }
}

/** Last input of a journal that is in the lake; −1 = none. */
export async function sealedThrough(lake: string, writer: string, storage?: SealOptions['storage']): Promise<number> {
  return (await lastCommit(lake, writer, storage))?.through_seq ?? -1;
}
const lastCommit = async (lake: string, writer: string, storage?: SealOptions['storage']) =>
  (await readCommits(storage ?? new LocalStorage(lake), writer)).at(-1);

/**
 * Rows are told apart by their numbers alone, so a lake must go on with the journal that it began with, and without a hole.
 * @returns the last input of the journal that is in the lake, or −1
 * @throws CHM625
 */
export async function refuseOtherLake(
  dir: string,
  lake: string,
  writer: string,
  storage?: SealOptions['storage'],
): Promise<number> {
  const last = await lastCommit(lake, writer, storage);
  if (!last) return -1;
  const refuse = (why: string): never => {
    throw new ChimeraError('CHM625', `${lake} cannot go on with the journal in ${dir}: ${why}`, {
      file: lake,
      help: 'capture into an empty folder, or use the state and the lake of the first start',
    });
  };
  const { through_seq: through, through_t_us: t } = last;
  const { seq: lastSeq } = lastRecordOf(dir);
  if (lastSeq < through) refuse(`it has inputs up to ${through}, the journal up to ${lastSeq}`);
  if (deletedThrough(dir) > through)
    refuse(`it has inputs up to ${through}, and what followed was deleted up to ${deletedThrough(dir)}`);
  const at = recordAt(dir, through);
  if (at !== undefined && at !== t) refuse(`input ${through} is not the one that it has`);
  return through;
}
/** Arrival time of a record, when the journal still has it. */
function recordAt(dir: string, seq: number): number | undefined {
  const file = segments(dir).findLast((f) => Number(f.slice(-24, -8)) <= seq);
  if (file === undefined) return undefined;
  const reader = new SegmentReader(file);
  try {
    for (let r = reader.next(); r; r = reader.next()) if (r.seq >= seq) return r.seq === seq ? r.t : undefined;
    return undefined;
  } finally {
    reader.close();
  }
}
