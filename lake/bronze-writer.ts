import type { Block, BlockReader, KeyTable } from '../graph/schema/index.ts';
import { ChimeraError } from '../graph/schema/index.ts';
import type { RollingPolicy } from './rolling.ts';

export interface BronzeWriterOptions {
  /** Who writes: names the manifest folder. The same input under the same name gives the same files and bytes. */
  writer: string;
  keys: KeyTable;
  /** The ports that the blocks number; a port's name is its dataset's. */
  ports: BlockReader['ports'];
  /** Value of the `source` column. */
  source: string;
  tier?: 'bronze' | 'silver' | 'gold';
  rolling?: Partial<RollingPolicy>;
}
export interface WrittenFile {
  path: string;
  dataset: string;
  key: string;
  rows: number;
  bytes: number;
  sha256: string;
}
export interface BronzeResult {
  rows: Record<string, number>;
  files: WrittenFile[];
  /** sha256 over the sorted content hashes of all files of this writer. */
  content_sha256: string;
}
export interface BronzeWriter {
  /** Takes the block's rows; the block may be reused afterwards. */
  write(block: Block): Promise<void>;
  /** Makes visible what has been rolled so far. */
  commit(nowUs?: number): Promise<void>;
  /** Rolls and commits the rest. */
  close(): Promise<BronzeResult>;
  /** Forgets what is not committed. */
  abort(): Promise<void>;
}

export async function openBronzeWriter(_dir: string, _options: BronzeWriterOptions): Promise<BronzeWriter> {
  throw new ChimeraError('CHM600', 'the Bronze writer is being built', { help: 'wait for the lake' });
}
