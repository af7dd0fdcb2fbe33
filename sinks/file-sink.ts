import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type CommitMark, defineSink, type Env, type InPorts, input, type Sink, type Wiring } from '../graph/node.ts';
import { ChimeraError } from '../graph/schema/index.ts';
import { RowFormatter, type TapFormat } from '../graph/tap/format.ts';
import { AnyRecord } from './any-record.ts';
import { BufferedSink } from './buffered-sink.ts';
import { durableStoreOf } from './run-store.ts';
import type { RunStore } from './store/index.ts';

const config = z.strictObject({
  dir: z
    .string()
    .min(1)
    .describe('folder of the files, relative to the run’s folder, or to the working folder without one'),
});
const shared = {
  version: 1,
  tier: 'gold',
  config,
  ports: {
    in: {},
    rest: input(AnyRecord, { key: 'any', future: true, doc: 'any stream, labels too; its name is the file’s' }),
  },
  determinism: 'external',
} as const;

export const csvFiles = defineSink({
  ...shared,
  type: 'sink.csv',
  summary: 'Writes each of its inputs to a CSV file named after it, in the columns of taps.',
  doc: FILES_DOC('csv'),
  open: (c, env, wiring) => FileSink.open('csv', c.dir, env, wiring),
});
export const jsonlFiles = defineSink({
  ...shared,
  type: 'sink.jsonl',
  summary: 'Writes each of its inputs to a file of JSON lines named after it, in the columns of taps.',
  doc: FILES_DOC('jsonl'),
  open: (c, env, wiring) => FileSink.open('jsonl', c.dir, env, wiring),
});
function FILES_DOC(ext: TapFormat): string {
  return `\`with: { dir: out }, in: { bars: bars.bar }\` writes \`out/bars.${ext}\`. Rows are appended at commits; a run that resumes cuts the file to its last commit first, so that the file ends up the same. Amounts are exact decimals, features shortest round-trip doubles.`;
}

/** Rows per formatted piece: bounds the memory of a commit. */
const PIECE = 4096;

interface Target {
  path: string;
  file: FileHandle;
  /** Bytes that are committed. */
  bytes: number;
  formatter: RowFormatter;
}

class FileSink extends BufferedSink {
  readonly #format: TapFormat;
  readonly #dir: string;
  readonly #store: RunStore | undefined;
  readonly #writer: string;
  #targets: Target[] | undefined;

  static async open(format: TapFormat, dir: string, env: Env, wiring: Wiring): Promise<Sink<InPorts>> {
    const folder = resolve(env.dir ?? '.', dir);
    await refusing(folder, () => mkdir(folder, { recursive: true }));
    return new FileSink(format, folder, env, wiring, await durableStoreOf(env));
  }
  private constructor(format: TapFormat, dir: string, env: Env, wiring: Wiring, store: RunStore | undefined) {
    super(env, wiring, []);
    this.#format = format;
    this.#dir = dir;
    this.#store = store;
    this.#writer = `${env.pipeline}.${env.node}`;
  }

  protected async flush(mark: CommitMark): Promise<void> {
    this.#targets ??= await this.#begin(mark.epoch);
    for (const [p, target] of this.#targets.entries()) {
      const rows = this.buffers[p]!;
      if (rows.n === 0) continue;
      await refusing(target.path, async () => {
        let at = target.bytes;
        for (let i = 0; i < rows.n; i += PIECE)
          at = await append(target.file, target.formatter.format(rows, i, Math.min(rows.n, i + PIECE)), at);
        await target.file.datasync();
        target.bytes = at;
      });
    }
    const bytes = Object.fromEntries(this.ports.map((p, i) => [p, this.#targets![i]!.bytes]));
    await this.#store?.saveManifest(this.#writer, mark.epoch, { bytes });
    // As many as there are checkpoints to go back to.
    await this.#store?.keepManifest(this.#writer, mark.epoch - 2, mark.epoch + 1);
  }
  /** Opens the files and cuts them to what the commit before this epoch left. */
  async #begin(epoch: number): Promise<Target[]> {
    const last = (await this.#store?.loadManifest(this.#writer, 0, epoch))?.at(-1)?.entry as
      | { bytes: Record<string, number> }
      | undefined;
    const names = { causes: this.causes, keys: this.env.keys };
    return Promise.all(
      this.ports.map(async (port, p): Promise<Target> => {
        const path = join(this.#dir, `${port}.${this.#format}`);
        const formatter = new RowFormatter(this.buffers[p]!.schema, this.#format, names);
        return refusing(path, async () => {
          const kept = last?.bytes[port] ?? 0;
          const file = await open(path, kept > 0 ? 'r+' : 'w');
          const { size } = await file.stat();
          if (size < kept)
            throw new ChimeraError('CHM548', `${path} is shorter than what was committed to it`, {
              file: path,
              help: 'give the run a new folder, or remove the file and run from the beginning',
            });
          if (size > kept) await file.truncate(kept);
          const bytes = kept > 0 ? kept : await append(file, formatter.header, 0);
          return { path, file, bytes, formatter };
        });
      }),
    );
  }
  async close(): Promise<void> {
    for (const t of this.#targets ?? []) await t.file.close();
    this.#targets = undefined;
    await this.#store?.close();
  }
}

async function append(file: FileHandle, bytes: Uint8Array, at: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  return at + bytes.length;
}
async function refusing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ChimeraError) throw cause;
    throw new ChimeraError('CHM548', `cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      file: path,
      cause,
      help: 'check the folder, its rights and the room on the disk, then run again',
    });
  }
}
