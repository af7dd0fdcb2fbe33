import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { storageError } from '../duckdb.ts';
import { endOf, segments } from './journal-reader.ts';
import type { FinishedSegment } from './journal-writer.ts';

const MARK_FILE = 'deleted-through.json';

/** The finished segments of a journal, in order. */
export function finishedSegments(dir: string): FinishedSegment[] {
  return segments(dir).flatMap((file) => {
    const lastSeq = endOf(file);
    return lastSeq === undefined ? [] : [{ file, lastSeq, bytes: statSync(file).size }];
  });
}

/** Last input of the segments that have been deleted; −1 = none has. */
export function deletedThrough(dir: string): number {
  let text: string;
  try {
    text = readFileSync(join(dir, MARK_FILE), 'utf8');
  } catch (e) {
    if ((e as { code?: string }).code === 'ENOENT') return -1;
    throw storageError(e, join(dir, MARK_FILE), 'read');
  }
  return (JSON.parse(text) as { seq: number }).seq;
}

/**
 * Deletes finished segments, the oldest first. How far is written down before: a crash between any two steps leaves at most
 * segments that the next call deletes, and never a journal that seems to begin where it does not.
 */
export async function deleteSegments(dir: string, old: readonly FinishedSegment[]): Promise<void> {
  const last = old.at(-1);
  if (!last) return;
  if (last.lastSeq > deletedThrough(dir)) writeMark(dir, last.lastSeq);
  for (const { file } of old)
    try {
      await unlink(file);
    } catch (e) {
      if ((e as { code?: string }).code !== 'ENOENT') throw storageError(e, file, 'write');
    }
}

/** @throws CHM624 unless the journal still has everything behind `seq` */
export function requireFrom(dir: string, seq: number): void {
  const gone = deletedThrough(dir);
  if (seq >= gone) return;
  throw new ChimeraError(
    'CHM624',
    `the journal in ${dir} begins behind input ${gone}, and the run would go on behind ${seq}`,
    {
      file: dir,
      seq: seq + 1,
      help: 'restore the store of this state folder, or start anew in an empty one',
    },
  );
}

function writeMark(dir: string, seq: number): void {
  const file = join(dir, MARK_FILE);
  try {
    const fd = openSync(`${file}.new`, 'w');
    writeSync(fd, JSON.stringify({ seq }));
    fsyncSync(fd);
    closeSync(fd);
    renameSync(`${file}.new`, file);
    syncFolder(dir);
  } catch (e) {
    throw storageError(e, file, 'write');
  }
}
/** A name in a folder survives a loss of power when the folder itself is synced. */
export function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
