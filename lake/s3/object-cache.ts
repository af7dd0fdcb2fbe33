import { copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Borrowed } from '../storage.ts';

/** What an object is and how it is brought here. */
export interface Wanted {
  /** Content address: the same id is the same bytes. */
  id: string;
  /** Name within the lake; the lent path ends in it, because its folders carry the partition's columns. */
  name: string;
  bytes: number;
  /** Writes the whole object to the path, or throws. */
  download: (path: string) => Promise<void>;
}

/** Downloads that a dead process left unfinished are removed after this. */
const STALE_MS = 86_400_000;
let sessions = 0;

/**
 * Downloaded objects on this machine, shared by processes, bounded in bytes; the ones unused for longest go first. What is
 * lent is a second name (hard link) in a folder of the borrower, so that making room never takes a file from under a
 * reader; what is lent does not count against the bound until it is back.
 *
 * `objects/<id>` complete objects · `objects/*.tmp` being downloaded · `lent/<host>-<pid>-<n>/<k>/<name>` lent
 */
export class ObjectCache {
  readonly #objects: string;
  readonly #lent: string;
  readonly #session: string;
  readonly #maxBytes: number;
  readonly #running = new Map<string, Promise<void>>();
  #n = 0;
  #swept: Promise<void> | undefined;

  constructor(dir: string, maxBytes: number) {
    this.#objects = join(dir, 'objects');
    this.#lent = join(dir, 'lent');
    this.#session = join(this.#lent, `${hostname()}-${process.pid}-${++sessions}`);
    this.#maxBytes = maxBytes;
  }

  /** Lends the object; downloads it unless it is here. */
  async borrow(wanted: Wanted): Promise<Borrowed> {
    const lent = await this.#place(wanted.name);
    const kept = join(this.#objects, wanted.id);
    try {
      // Too large to keep: for this borrower alone.
      if (wanted.bytes > this.#maxBytes) await wanted.download(lent.path);
      else
        while (!(await this.#take(kept, wanted.bytes, lent.path))) {
          // Whoever is first in this process downloads; another process may do the same, to the same bytes.
          let running = this.#running.get(wanted.id);
          if (!running) {
            running = this.#fill(kept, wanted, lent.path).finally(() => this.#running.delete(wanted.id));
            this.#running.set(wanted.id, running);
            await running;
            break;
          }
          await running;
        }
      return lent;
    } catch (e) {
      await lent.release();
      throw e;
    }
  }
  /** Lends a fresh download that nobody else gets. */
  async borrowFresh(wanted: Wanted): Promise<Borrowed> {
    const lent = await this.#place(wanted.name);
    try {
      await wanted.download(lent.path);
      return lent;
    } catch (e) {
      await lent.release();
      throw e;
    }
  }

  async #place(name: string): Promise<Borrowed> {
    this.#swept ??= this.#sweep();
    await this.#swept;
    const folder = join(this.#session, String(this.#n++));
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    return {
      path,
      release: async () => {
        await rm(folder, { recursive: true, force: true });
        // The last one takes the session's folder along.
        await rmdir(this.#session).catch(() => undefined);
      },
    };
  }

  async #take(kept: string, bytes: number, to: string): Promise<boolean> {
    try {
      await linkOrCopy(kept, to);
    } catch (e) {
      if ((e as { code?: string }).code === 'ENOENT') return false;
      throw e;
    }
    if ((await stat(to)).size === bytes) {
      const now = new Date();
      await utimes(kept, now, now).catch(() => undefined);
      return true;
    }
    // A power cut left a name without its bytes.
    await rm(to, { force: true });
    await rm(kept, { force: true });
    return false;
  }
  async #fill(kept: string, wanted: Wanted, to: string): Promise<void> {
    await mkdir(this.#objects, { recursive: true });
    const temp = `${kept}.${process.pid}.${this.#n++}.tmp`;
    try {
      await this.#makeRoom(wanted.bytes);
      await wanted.download(temp);
      await linkOrCopy(temp, to);
      await rename(temp, kept);
    } finally {
      await rm(temp, { force: true });
    }
  }

  /** Removes the objects unused for longest until `bytes` more fit. */
  async #makeRoom(bytes: number): Promise<void> {
    const files: { path: string; size: number; used: number }[] = [];
    for (const name of await readdir(this.#objects)) {
      const path = join(this.#objects, name);
      const s = await stat(path).catch(() => undefined);
      if (!s) continue;
      if (!name.endsWith('.tmp')) files.push({ path, size: s.size, used: s.mtimeMs });
      else if (Date.now() - s.mtimeMs > STALE_MS) await rm(path, { force: true });
    }
    files.sort((a, b) => a.used - b.used);
    let total = bytes + files.reduce((sum, f) => sum + f.size, 0);
    for (const f of files) {
      if (total <= this.#maxBytes) return;
      await rm(f.path, { force: true });
      total -= f.size;
    }
  }
  /** What processes of this machine that have died had borrowed. */
  async #sweep(): Promise<void> {
    const own = `${hostname()}-`;
    for (const name of await readdir(this.#lent).catch(() => [])) {
      if (!name.startsWith(own)) continue;
      const pid = Number(name.slice(own.length).split('-', 1)[0]);
      if (pid > 0 && pid !== process.pid && !alive(pid))
        await rm(join(this.#lent, name), { recursive: true, force: true });
    }
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as { code?: string }).code !== 'ESRCH';
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (e) {
    // File systems without hard links.
    if (!/^(EPERM|ENOTSUP|EOPNOTSUPP|EXDEV|EMLINK|ENOSYS)$/.test((e as { code?: string }).code ?? '')) throw e;
    await copyFile(from, to);
  }
}
