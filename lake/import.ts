import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import type { BadInput, BlockReader, KeyTable } from '../graph/schema/index.ts';
import type { BronzeResult, BronzeWriter, BronzeWriterOptions } from './bronze-writer.ts';
import { type InputOptions, openInputs } from './decode/inputs.ts';
import { type BookCheck, type Gap, QualityReport } from './quality.ts';
import { isS3Address } from './s3/s3-options.ts';
import type { ObjectStorage } from './storage.ts';

/** `openBronzeWriter`, given by whoever puts the program together. */
export type OpenWriter = (dir: string, options: BronzeWriterOptions) => Promise<BronzeWriter>;

export interface ImportOptions extends Omit<InputOptions, 'onProgress'> {
  /** The lake's folder. */
  readonly to: string;
  /** The store, when it is not the folder itself. */
  readonly storage?: ObjectStorage;
  readonly keys: KeyTable;
  readonly openWriter: OpenWriter;
  readonly bookCheck?: BookCheck;
  /** Value of the `source` column. Default: `import`. */
  readonly source?: string;
  /** Fraction of the whole work that is done, 0–1, and what is being done. */
  readonly onProgress?: (done: number, what: string) => void;
}

/** What `chimera lake import --json` prints. Times are µs since the epoch; null when nothing was imported. */
export interface ImportReport {
  rows: Record<string, number>;
  first_us: number | null;
  last_us: number | null;
  gaps: Gap[];
  duplicates: number;
  out_of_order: number;
  off_market: number;
  crossed: number;
  bad_input: BadInput[];
  content_sha256: string;
  inputs: { path: string; bytes: number; sha256: string }[];
  instruments: { name: string; px_digits: number; qty_digits: number }[];
  decode_s: number;
  write_s: number;
}

/**
 * Imports recorder files, archives, candles and Parquet into the lake's Bronze tier and reports their quality. The
 * writer is named after the content of the inputs: importing the same files again writes the same files over themselves,
 * importing others adds to the lake. Errors: those of openInputs and of the writer; nothing is visible before a commit.
 */
export async function importFiles(paths: readonly string[], options: ImportOptions): Promise<ImportReport> {
  const { to, storage, keys, openWriter, bookCheck, onProgress, source = 'import', ...input } = options;
  const started = performance.now();
  const sizes = paths.map((p) => statSync(p, { throwIfNoEntry: false })?.size ?? 0);
  const total = sizes.reduce((a, b) => a + b, 0) || 1;
  const reader = await openInputs(paths, keys, {
    ...input,
    onProgress: (file, done) => {
      const at = paths.indexOf(file);
      const before = sizes.slice(0, at).reduce((a, b) => a + b, 0);
      onProgress?.(((before + Math.min(done, sizes[at]!)) / total) * 0.5, `decode ${file}`);
    },
  });
  const decoded = performance.now();
  let writer: BronzeWriter | undefined;
  try {
    const inputs = await hashInputs(paths);
    const name = `import-${hashText(JSON.stringify([inputs.map((i) => i.sha256), input.symbols, input.markets, input.streams, input.market])).slice(0, 16)}`;
    writer = await openWriter(to, {
      writer: name,
      keys,
      ports: reader.ports,
      source,
      ...(storage ? { storage } : {}),
    });
    const report = new QualityReport(keys, bookCheck);
    const { first, last } = await pump(reader, writer, report, (n) =>
      onProgress?.(0.5 + 0.5 * (1 - 1 / (1 + n / 1e6)), 'write'),
    );
    const result: BronzeResult = await writer.close();
    writer = undefined;
    onProgress?.(1, 'done');
    const { gaps, ...counts } = report.counts();
    return {
      rows: result.rows,
      first_us: first,
      last_us: last,
      gaps,
      ...counts,
      bad_input: reader.quality?.bad_input ?? [],
      content_sha256: result.content_sha256,
      inputs,
      instruments: keys.list.map((k) => ({ name: k.name, px_digits: k.pxDigits, qty_digits: k.qtyDigits })),
      decode_s: (decoded - started) / 1000,
      write_s: (performance.now() - decoded) / 1000,
    };
  } finally {
    await writer?.abort();
    await reader.close();
  }
}

async function pump(
  reader: BlockReader,
  writer: BronzeWriter,
  report: QualityReport,
  onRows: (n: number) => void,
): Promise<{ first: number | null; last: number | null }> {
  let first: number | null = null;
  let last: number | null = null;
  let rows = 0;
  for (let b = await reader.read(); b !== null; b = await reader.read()) {
    if (b.n === 0) continue;
    first ??= b.t[0]!;
    last = b.t[b.n - 1]!;
    report.add(b);
    await writer.write(b);
    rows += b.n;
    onRows(rows);
  }
  return { first, last };
}

async function hashInputs(paths: readonly string[]): Promise<ImportReport['inputs']> {
  const inputs: ImportReport['inputs'] = [];
  for (const path of paths) {
    if (isS3Address(path) || statSync(path).isDirectory()) {
      inputs.push({ path, bytes: 0, sha256: hashText(path) });
      continue;
    }
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 512 * 1024 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    inputs.push({ path, bytes, sha256: hash.digest('hex') });
  }
  return inputs;
}

const hashText = (text: string): string => createHash('sha256').update(text).digest('hex');
