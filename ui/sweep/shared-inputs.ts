import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonical } from '../../graph/document/hash.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { type BadInput, type BlockReader, KeyTable } from '../../graph/schema/index.ts';
import { CacheReader } from '../../lake/cache/cache-reader.ts';
import { BlockEncoder, encodeHeader } from '../../lake/cache/format.ts';
import { schemaToJson } from '../../lake/schema.ts';
import type { SweepOptions } from './run-sweep.ts';

/** Decoded inputs in columns that several workers read: files of memory pages that all of them share. */
export interface SharedInputs {
  /** Instruments, in the order of their numbers. */
  keys: { name: string; pxDigits: number; qtyDigits: number }[];
  /** Source id → file of blocks. */
  files: Record<string, string>;
  bad_input: BadInput[];
  remove(): void;
}

/** The sources that all of these pipelines have; undefined when they differ in them. */
export function sourcesOf(pipelines: readonly Pipeline[]): string | undefined {
  const forms = new Set(
    pipelines.map((p) => canonical(p.nodes.filter((n) => n.type.kind === 'source').map((n) => [n.id, n.config]))),
  );
  return forms.size === 1 ? [...forms][0] : undefined;
}

/** Reads the sources of a pipeline once, to their ends. */
export async function shareInputs(
  pipeline: Pipeline,
  { inputs, cache, seed = 1 }: Pick<SweepOptions, 'inputs' | 'cache' | 'seed'>,
): Promise<SharedInputs> {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-sweep-'));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    const keys = new KeyTable();
    const files: Record<string, string> = {};
    const bad: BadInput[] = [];
    for (const node of pipeline.nodes) {
      if (node.type.kind !== 'source') continue;
      const access = cache ? { access: { cache } } : {};
      const env = { keys, inputs, dir: undefined, pipeline: pipeline.name, node: node.id, seed, ...access };
      const reader = await node.type.open(node.config as never, env);
      files[node.id] = join(dir, `${Object.keys(files).length}.blocks`);
      try {
        await write(reader, files[node.id]!, keys);
      } finally {
        await reader.close();
      }
      bad.push(...(reader.quality?.bad_input ?? []));
    }
    const named = keys.list.map(({ name, pxDigits, qtyDigits }) => ({ name, pxDigits, qtyDigits }));
    return { keys: named, files, bad_input: bad, remove };
  } catch (e) {
    remove();
    throw e;
  }
}

async function write(reader: BlockReader, path: string, keys: KeyTable): Promise<void> {
  const file = await open(path, 'w');
  try {
    const ports = reader.ports.map((p) => ({ name: p.name, schema: schemaToJson(p.schema) }));
    // Sources declare their instruments before their first block.
    await file.write(encodeHeader({ ports, keys: keys.list.map((k) => k.name), rows_recorded: false }));
    const encoder = new BlockEncoder();
    let rows = 0;
    for (let b = await reader.read(); b; b = await reader.read()) {
      rows += b.n;
      await file.write(encoder.encode(b));
    }
    await file.write(encoder.end(rows));
  } finally {
    await file.close();
  }
}

/** The readers of a worker, and its keys. */
export function openShared(shared: Pick<SharedInputs, 'keys' | 'files'>): {
  keys: KeyTable;
  readers: Record<string, (keys: KeyTable) => Promise<BlockReader>>;
} {
  const keys = new KeyTable();
  for (const k of shared.keys) keys.declare(k.name, k.pxDigits, k.qtyDigits);
  const readers = Object.fromEntries(
    Object.entries(shared.files).map(([id, path]) => [id, async () => (await CacheReader.open(path, keys))!]),
  );
  return { keys, readers };
}
