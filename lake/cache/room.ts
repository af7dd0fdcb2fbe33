import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes the files of a cache folder that have been unused for longest, until `bytes` more fit into `most`. */
export async function makeRoom(dir: string, ending: string, most: number, bytes: number): Promise<void> {
  const files: { path: string; size: number; used: number }[] = [];
  for (const name of await readdir(dir)) {
    if (!name.endsWith(ending)) continue;
    const path = join(dir, name);
    // Another run may have made room meanwhile.
    const s = await stat(path).catch(() => undefined);
    if (s) files.push({ path, size: s.size, used: s.mtimeMs });
  }
  files.sort((a, b) => a.used - b.used);
  let total = bytes + files.reduce((sum, f) => sum + f.size, 0);
  for (const f of files) {
    if (total <= most) return;
    await rm(f.path, { force: true });
    total -= f.size;
  }
}
