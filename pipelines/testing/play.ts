import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { type Tap, tapRow } from '../../graph/engine/tap.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { Run, type RunOptions, type RunResult } from '../../graph/runner/runner.ts';
import { KeyTable } from '../../graph/schema/index.ts';
import { registry } from '../../ui/cli/registry.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
export type Values = Record<string, unknown>;
/** One value of a port: the input that caused it, engine time, instrument, and the record (amounts as integers). */
export interface Row {
  seq: number;
  t: number;
  key: string;
  values: Values;
}

/** A synthetic market of some seconds as a profile: no recording is needed. */
export const synthetic = (more = '', duration = '20s', symbols = '[BTCUSDT, ETHUSDT]') => ({
  file: 'pipelines/profiles/synthetic.yaml',
  text: `chimera: 1
profile: synthetic
bind:
  market: { type: source.synthetic, with: { symbols: ${symbols}, duration: ${duration}${more === '' ? '' : `, ${more}`} } }
  venue: { type: venue.usdm }
`,
});

/** A document of the tests' own, linted like any other; warnings are no hindrance. */
export function document(
  text: string,
  sets: Record<string, string> = {},
  profile?: { file: string; text: string },
): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(text, 'pipelines/test.yaml', registry, {
    sets,
    ...(profile ? { profile } : {}),
  });
  if (!pipeline) throw new Error(diagnostics.map((d) => `${d.line}:${d.column} ${d.code} ${d.message}`).join('\n'));
  return pipeline;
}
export const readPipeline = (name: string): string => readFileSync(resolve(ROOT, 'pipelines', name), 'utf8');

/** `pipelines/trend.yaml` with the preset that trades within seconds, on a synthetic market unless told otherwise. */
export const trend = (
  sets: Record<string, string> = {},
  profile = synthetic(),
  edit = (text: string) => text,
): Pipeline =>
  document(edit(readPipeline('trend.yaml')), { preset: 'recording', balance_usdt: '1000000', ...sets }, profile);

export interface Played {
  result: RunResult;
  keys: KeyTable;
  /** Values of a port in order; empty when it never ticked. */
  on(port: string): Row[];
  ports: string[];
}
export interface PlayOptions extends RunOptions {
  /** Values are kept here, commit by commit, instead of in a list of the call's own. */
  into?: Map<string, Row[]>;
  onRun?: (run: Run) => void;
}

/** Runs a pipeline to its end and keeps every value of the tapped ports (default: all). */
export async function play(pipeline: Pipeline, options: PlayOptions = {}): Promise<Played> {
  const rows = options.into ?? new Map<string, Row[]>();
  const keys = options.keys ?? new KeyTable();
  const run = new Run(createPlan(pipeline), {
    seed: 1,
    taps: '*',
    digests: true,
    keys,
    ...options,
    onTap: (tap) => {
      options.onTap?.(tap);
      keep(tap, keys, rows);
    },
  });
  options.onRun?.(run);
  try {
    const result = await run.execute();
    return { result, keys, on: (port) => rows.get(port) ?? [], ports: [...rows.keys()] };
  } finally {
    await run.close();
  }
}
function keep(tap: Tap, keys: KeyTable, rows: Map<string, Row[]>): void {
  const port = `${tap.node}.${tap.port}`;
  const list = rows.get(port) ?? [];
  rows.set(port, list);
  for (let i = 0; i < tap.n; i++) {
    const key = tap.key(i);
    list.push({ seq: tap.seq(i), t: tap.time(i), key: key < 0 ? '' : keys.at(key).name, values: tapRow(tap, i) });
  }
}
