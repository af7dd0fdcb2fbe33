import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The id of the transaction that a process has open, in a file of its state folder: a process that is killed leaves it to the server, which
 * would hold what it wrote against its successor for a minute.
 */
export class LeftTransaction {
  readonly #owner = randomUUID();
  readonly #files = new Set<string>();

  /** @returns the id that an earlier process noted there last */
  takeOver(dir: string): string | undefined {
    const file = join(dir, 'arango-transaction');
    if (this.#files.has(file)) return undefined;
    mkdirSync(dir, { recursive: true });
    this.#files.add(file);
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
    const [, owner, id] = /^(\S+) (\d+)\n$/.exec(text) ?? [];
    return owner === this.#owner ? undefined : id;
  }
  /** Not synced: what matters is the death of the process, not of the machine. */
  note(id: string): void {
    for (const file of this.#files) writeFileSync(file, `${this.#owner} ${id}\n`);
  }
}
