import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChimeraError, type KeyTable } from '../../graph/schema/index.ts';

const KEYS_FILE = 'keys.json';

interface JournalKey {
  name: string;
  pxDigits: number;
  qtyDigits: number;
}
const readKeys = (dir: string): JournalKey[] => JSON.parse(readFileSync(join(dir, KEYS_FILE), 'utf8')) as JournalKey[];

/** Records hold the numbers of instruments, so a journal keeps what they stand for; new ones may only come behind. */
export function keepKeys(dir: string, keys: KeyTable): void {
  const file = join(dir, KEYS_FILE);
  const now = keys.list.map(({ name, pxDigits, qtyDigits }): JournalKey => ({ name, pxDigits, qtyDigits }));
  const was = existsSync(file) ? readKeys(dir) : [];
  if (was.some((k, i) => JSON.stringify(k) !== JSON.stringify(now[i])))
    throw new ChimeraError('CHM622', `the journal in ${dir} has other instruments or decimals than its source now`, {
      file,
      help: 'resume with the inputs of the first start, or use another state folder',
    });
  if (existsSync(file) && was.length === now.length) return;
  writeFileSync(`${file}.new`, JSON.stringify(now));
  renameSync(`${file}.new`, file);
}

/** Declares the instruments of a journal, so that it can be sealed or read without its source. Some journals have none. */
export function declareJournalKeys(dir: string, keys: KeyTable): void {
  if (!existsSync(join(dir, KEYS_FILE))) return;
  for (const k of readKeys(dir)) keys.declare(k.name, k.pxDigits, k.qtyDigits);
}
