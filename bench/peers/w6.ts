import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { sameResults } from './compare.ts';
import { lastLines, PEERS } from './environment.ts';
import type { InputFile } from './inputs.ts';
import { type Engine, perCpuSecond, type RunContext, type Workload } from './workload.ts';

/** W6: a lake of trades, asked for aggregates and replayed; what each way does stands in w6-run.ts. */
const RUN = resolve('dist/bench/peers/w6-run.js');

const here = (way: string, name: string, kind: Engine['kind']): Engine => ({
  id: way,
  name,
  kind,
  args: ({ inputs: [lake, cache] }: RunContext) => [RUN, way, lake!, '--cache', cache!],
});
const python = (engine: string, name: string): Engine => ({
  id: `${engine}-python`,
  name,
  kind: 'bound',
  environment: 'lake',
  args: ({ inputs: [lake] }: RunContext) => [join(PEERS, 'w6_peers.py'), engine, lake!],
});

/** The trades imported into a lake as its users would, and its decoded cache filled; once for both tables. */
function prepare(files: readonly InputFile[], folder: string): ReturnType<NonNullable<Workload['prepare']>> {
  const known = prepared.get(folder);
  if (known) return known;
  const [lake, cache] = [join(folder, 'w6-lake'), join(folder, 'w6-cache')];
  process.stderr.write('w6: importing the trades …\n');
  const paths = files.map((f) => f.file);
  const report = JSON.parse(
    said([resolve('bin/chimera.js'), 'lake', 'import', ...paths, '--market', 'usdm', '--to', lake, '--json']),
  ) as { rows: { trade: number }; content_sha256: string };
  process.stderr.write('w6: filling the cache …\n');
  said([RUN, 'cached', lake, '--cache', cache]);
  const note = `Imported into a lake of ${report.rows.trade.toLocaleString('en-US')} trades, content sha256 \`${report.content_sha256.slice(0, 16)}\`.`;
  const made = { inputs: [lake, cache], note };
  prepared.set(folder, made);
  return made;
}
const prepared = new Map<string, ReturnType<NonNullable<Workload['prepare']>>>();

/** What a program of ours printed. */
function said(args: readonly string[]): string {
  const r = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (r.status !== 0) throw new Error(`${args.slice(0, 3).join(' ')}: ${lastLines(r.stderr)}`);
  return r.stdout;
}

const of = (part: Pick<Workload, 'id' | 'title' | 'engines' | 'comparisons' | 'compare' | 'leftOut'>): Workload => ({
  figure: perCpuSecond('rows'),
  inputs: ['w6'],
  quick: ['w6q'],
  prepare,
  ...part,
});

export const w6Scan = of({
  id: 'w6-scan',
  title: 'W6: filter and aggregates by hour over 50 M trades, one thread',
  engines: [
    here('sql', 'Chimera, lake sql', 'chimera'),
    here('duckdb', 'DuckDB, node, the same files', 'bound'),
    python('duckdb', 'DuckDB, Python'),
    python('polars', 'polars, streaming'),
    python('pyarrow', 'pyarrow'),
  ],
  comparisons: [
    { ours: 'sql', against: 'duckdb', atLeast: 0.9 },
    { ours: 'sql', against: 'duckdb-python' },
  ],
  // Sums in another order of addition.
  compare: (ran) => sameResults('hours, trades, volume, turnover, low, high', ran, 1e-9),
  leftOut: ['The lake’s Parquet files are read as they lie by every engine; loading the library is before the clock.'],
});

export const w6Replay = of({
  id: 'w6-replay',
  title: 'W6: every value of five columns of 50 M trades in JavaScript, one thread',
  engines: [
    here('replay', 'Chimera, replay from Parquet', 'chimera'),
    here('cached', 'Chimera, replay from the decoded cache', 'chimera'),
    here('node-columns', 'DuckDB’s node API, columns', 'event'),
    here('node-vectors', 'DuckDB’s node API, vectors of doubles', 'event'),
  ],
  comparisons: [
    { ours: 'replay', against: 'node-columns', atLeast: 0.9 },
    { ours: 'replay', against: 'node-vectors' },
    { ours: 'cached', atLeast: 15_000_000 },
  ],
  // Sums of times lie beyond 2^53.
  compare: (ran) => sameResults('rows and sums of the five columns', ran, 1e-9),
  leftOut: [
    'Chimera’s replay decodes all twelve columns of a trade in the order of the run; DuckDB’s only the five asked for.',
  ],
});
