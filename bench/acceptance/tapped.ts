import type { Pipeline } from '../../graph/document/types.ts';
import { type RunResult, runPipeline } from '../../graph/runner/runner.ts';
import { KeyTable } from '../../graph/schema/index.ts';
import { formatValue } from '../../graph/tap/format.ts';

/** One line of the acceptance run. */
export interface Check {
  name: string;
  ok: boolean;
  /** What was found: counts, or the first thing that is wrong. */
  found: string;
}
export type Report = (name: string, ok: boolean, found: string) => void;

/** Rows of ports by instrument, fields in schema order as a tap writes them, joined by commas. */
export type Rows = (port: string, key: string) => readonly string[];
export interface Tapped {
  rows: Rows;
  keys: readonly string[];
  /** Price units per 1 of the first instrument. */
  pxScale: number;
  result: RunResult;
}

export async function runTapped(
  pipeline: Pipeline,
  inputs: readonly string[],
  ports: readonly string[],
): Promise<Tapped> {
  const keys = new KeyTable();
  const found = new Map<string, string[]>();
  const result = await runPipeline(pipeline, {
    keys,
    inputs,
    taps: ports,
    onTap: (tap) => {
      const fields = Object.values(tap.schema.fields);
      for (let i = 0; i < tap.n; i++) {
        const key = tap.key(i) < 0 ? undefined : keys.at(tap.key(i));
        const id = `${tap.node}.${tap.port} ${key?.name ?? ''}`;
        let rows = found.get(id);
        if (!rows) {
          rows = [];
          found.set(id, rows);
        }
        rows.push(fields.map((f, k) => formatValue(f, tap.value(i, k), key)).join(','));
      }
    },
  });
  return {
    rows: (port, key) => found.get(`${port} ${key}`) ?? [],
    keys: keys.list.map((k) => k.name),
    pxScale: keys.list[0]?.pxScale ?? 1,
    result,
  };
}

/** Where two lists part, in words; undefined when they are the same. */
export function parting(found: readonly string[], expected: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(found.length, expected.length); i++)
    if (found[i] !== expected[i])
      return `row ${i} is ${found[i] ?? 'missing'}, not ${expected[i] ?? 'there'} (${found.length} rows, ${expected.length} expected)`;
  return undefined;
}
