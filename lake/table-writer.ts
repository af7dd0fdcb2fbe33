import { extname } from 'node:path';
import { ChimeraError } from '../graph/schema/index.ts';
import { ArrowTableWriter } from './arrow-table.ts';
import { ParquetTableWriter } from './parquet-table.ts';
import type { TableColumn, TableValue } from './table-columns.ts';

export interface TableResult {
  rows: number;
  bytes: number;
  sha256: string;
}
/** Writes rows of named columns to one file: training sets, taps. The file appears, whole, when `close` returns. */
export interface DatasetWriter {
  readonly columns: readonly TableColumn[];
  /** One value per column; arrays are copied. Errors: CHM607. */
  append(values: readonly TableValue[]): void;
  /** Waits for what was buffered; call it now and then (every few thousand rows) to bound memory. Errors: CHM605, 606. */
  drain(): Promise<void>;
  close(): Promise<TableResult>;
  /** Leaves no file behind. */
  abort(): Promise<void>;
}
export interface TableOptions {
  /** Key-value metadata of the file. */
  metadata?: Readonly<Record<string, string>>;
}

/** Opens a table file; `.parquet` (zstd) or `.arrow`/`.feather` (Arrow IPC file) by its extension. Errors: CHM618. */
export async function openTableWriter(
  path: string,
  columns: readonly TableColumn[],
  options: TableOptions = {},
): Promise<DatasetWriter> {
  const extension = extname(path).toLowerCase();
  if (extension === '.parquet') return ParquetTableWriter.open(path, columns, options.metadata ?? {});
  if (extension === '.arrow' || extension === '.feather')
    return ArrowTableWriter.open(path, columns, options.metadata ?? {});
  throw new ChimeraError('CHM618', `${path} is no Parquet or Arrow file by its name`, {
    file: path,
    help: 'end the name in .parquet or .arrow',
  });
}
