import type { Tap } from '../../../graph/engine/tap.ts';
import type { KeyTable } from '../../../graph/schema/index.ts';
import { TapFile, type TapFileResult, type TapMark } from '../../../graph/tap/file.ts';
import type { TapFormat } from '../../../graph/tap/format.ts';

/** The text files that one part writes ports to; cut back to the commit that the part goes on from. */
export class PartTaps {
  readonly #paths: ReadonlyMap<string, { path: string; format: TapFormat }>;
  #files = new Map<string, TapFile>();

  constructor(paths: ReadonlyMap<string, { path: string; format: TapFormat }>) {
    this.#paths = paths;
  }
  get ports(): string[] {
    return [...this.#paths.keys()];
  }
  append(tap: Tap, keys: KeyTable): void {
    this.#files.get(`${tap.node}.${tap.port}`)?.append(tap, keys);
  }
  /** What a commit records: everything before it is on the disk. */
  take(): Record<string, TapMark> {
    return Object.fromEntries(
      [...this.#files].map(([port, file]) => {
        file.sync();
        return [port, file.mark];
      }),
    );
  }
  async restore(marks: unknown): Promise<void> {
    this.close();
    for (const [port, { path, format }] of this.#paths)
      this.#files.set(port, await TapFile.open(path, format, (marks as Record<string, TapMark> | undefined)?.[port]));
  }
  close(): Record<string, TapFileResult> {
    const results = Object.fromEntries([...this.#files].map(([port, file]) => [port, file.close()]));
    this.#files = new Map();
    return results;
  }
}
