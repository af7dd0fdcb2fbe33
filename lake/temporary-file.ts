import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of files that nobody has closed. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** Fills `into` from byte `at` of the file on. @returns false when it ends before */
export function readAt(fd: number, into: Uint8Array, at: number): boolean {
  for (let done = 0; done < into.length; ) {
    const got = readSync(fd, into, done, into.length - done, at + done);
    if (got === 0) return false;
    done += got;
  }
  return true;
}

/** A file that grows at its end and is read anywhere. It has no name: its space is given back even when the process is killed. */
export class TemporaryFile {
  size = 0;
  readonly #fd: number;

  /** @param prefix of the folder in which it is made, for whoever looks on meanwhile */
  constructor(prefix: string) {
    const dir = mkdtempSync(join(tmpdir(), prefix));
    try {
      this.#fd = openSync(join(dir, 'rows'), 'wx+');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
    forgotten.register(this, this.#fd, this);
  }
  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.size + done);
    this.size += bytes.length;
  }
  /** Fills `into` from place `at` on. @returns false when the file ends before */
  read(into: Uint8Array, at: number): boolean {
    return readAt(this.#fd, into, at);
  }
  close(): void {
    forgotten.unregister(this);
    closeSync(this.#fd);
  }
}
