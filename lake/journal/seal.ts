import { unlinkSync } from 'node:fs';
import type { Block, BlockReader, KeyTable } from '../../graph/schema/index.ts';
import { type BronzeWriterOptions, openBronzeWriter } from '../bronze-writer.ts';
import type { FileEntry } from '../manifest.ts';
import { isClosed, SegmentReader, segments } from './journal-reader.ts';
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
  /** Deletes segments once all of their rows are committed. Default: they stay. */
  remove?: boolean;
}
export interface SealResult {
  segments: string[];
  removed: string[];
  rows: Record<string, number>;
  files: FileEntry[];
}
const BATCH = 1024;

/**
 * Seals all closed segments of a journal into the lake: decode, write, commit. It goes on behind its last commit, so
 * that a crash anywhere costs only the repetition, and every segment ends in a commit of its own, so that the same
 * journal gives the same files.
 */
export async function sealJournal(dir: string, lake: string, options: SealOptions): Promise<SealResult> {
  const result: SealResult = { segments: [], removed: [], rows: {}, files: [] };
  for (const file of segments(dir)) {
    // Still being written: it is sealed whole, or not yet.
    if (!isClosed(file)) continue;
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
          for (const block of decoder.decode(batch)) {
            if (block.seq0 + block.n - 1 > writer.resumedFrom) await writer.write(block);
          }
          batch.length = 0;
        }
        if (!r) break;
      }
      const done = await writer.close();
      result.segments.push(file);
      result.rows = done.rows;
      result.files = done.files;
    } catch (e) {
      await writer.abort().catch(() => undefined);
      throw e;
    } finally {
      reader.close();
    }
    if (options.remove) {
      unlinkSync(file);
      result.removed.push(file);
    }
  }
  return result;
}
