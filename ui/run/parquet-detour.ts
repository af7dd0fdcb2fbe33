import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockReader, KeyTable } from '../../graph/schema/index.ts';
import { openBronzeWriter } from '../../lake/bronze-writer.ts';
import { openLake } from '../../lake/open-lake.ts';

/** Sends a source's inputs through Bronze Parquet in a temporary folder, for tests that compare ways. */
export function parquetDetour(): {
  through(source: string, reader: BlockReader, keys: KeyTable): Promise<(keys: KeyTable) => Promise<BlockReader>>;
  close(): void;
} {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-test-'));
  let n = 0;
  return {
    async through(source, reader, keys) {
      const lake = join(dir, `${n++}`);
      const writer = await openBronzeWriter(lake, { writer: source, keys, ports: reader.ports, source });
      let last = 0;
      const filled = new Set<number>();
      for (let b = await reader.read(); b !== null; b = await reader.read()) {
        await writer.write(b);
        if (b.n > 0) last = b.t[b.n - 1]!;
        for (let i = 0; i < b.n; i++) filled.add(b.port[i]!);
      }
      await writer.commit(last);
      await writer.close();
      await reader.close();
      // A port without rows has no file.
      const datasets = reader.ports.filter((_, i) => filled.has(i)).map((p) => p.name);
      return (replayed) => openLake(lake, { datasets }, replayed);
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}
