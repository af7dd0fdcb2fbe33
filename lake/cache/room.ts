import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const ABANDONED_MS = 3_600_000;

/** Where a file is written before it takes its name: nobody else writes there, in another thread of this process either. */
export const temporaryOf = (path: string): string => `${path}.${randomUUID()}.tmp`;

/** Removes what killed writers left half written, and the files of a cache folder that have been unused for longest, until `bytes` more fit into `most`. */
export async function makeRoom(dir: string, ending: string, most: number, bytes: number): Promise<void> {
  const files: { path: string; size: number; used: number }[] = [];
  for (const name of await readdir(dir)) {
    const half = name.endsWith('.tmp');
    if (!half && !name.endsWith(ending)) continue;
    const path = join(dir, name);
    // Another run may have made room meanwhile.
    const s = await stat(path).catch(() => undefined);
    if (s && half && Date.now() - s.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    if (s && !half) files.push({ path, size: s.size, used: s.mtimeMs });
  }
  files.sort((a, b) => a.used - b.used);
  let total = bytes + files.reduce((sum, f) => sum + f.size, 0);
  for (const f of files) {
    if (total <= most) return;
    await rm(f.path, { force: true });
    total -= f.size;
  }
}
