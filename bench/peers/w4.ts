import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { environment, lastLines, PEERS } from './environment.ts';
import { type Compared, type Engine, perCpuSecond, type Ran, type RunContext, type Workload } from './workload.ts';

/** W4: top of book and trades. hftbacktest twice: from the file, as Chimera goes, and over its own events in memory. */
const chimera: Engine = {
  id: 'chimera',
  name: 'Chimera, first run over the input',
  kind: 'chimera',
  args: ({ inputs, fills }: RunContext) => [
    resolve('bin/chimera.js'),
    'backtest',
    resolve('pipelines/bench/imbalance.yaml'),
    '--input',
    ...inputs,
    '--fills',
    fills,
    '--json',
  ],
};
const again: Engine = { ...chimera, id: 'chimera-again', name: 'Chimera, every later run', again: true };
const hftbacktest = (mode: 'file' | 'run', name: string): Engine => ({
  id: `hftbacktest-${mode}`,
  name,
  kind: 'event',
  environment: 'hftbacktest',
  args: ({ inputs, fills }: RunContext) => [
    join(PEERS, 'w4_hftbacktest.py'),
    ...inputs,
    '--fills',
    fills,
    '--mode',
    mode,
  ],
});

/** A slice of the rows: all of them would take it minutes and tens of gigabytes. */
const nautilus: Engine = {
  id: 'nautilus',
  name: 'NautilusTrader, the first 500,000 rows',
  kind: 'event',
  environment: 'nautilus-trader',
  args: ({ inputs, fills, quick }: RunContext) => [
    join(PEERS, 'w4_nautilus.py'),
    ...inputs,
    '--rows',
    quick ? '50000' : '500000',
    '--fills',
    fills,
  ],
  repeatsAtMost: 3,
};

/** The fills of each engine beside a plain loop with its conventions. */
function compare(ran: readonly Ran[], inputs: readonly string[]): Compared[] {
  const env = environment('hftbacktest');
  if ('failed' in env) return [];
  const lists = { chimera: 'chimera', hftbacktest: 'hftbacktest-file', nautilus: 'nautilus' };
  const written = Object.entries(lists).flatMap(([name, id]) => {
    const one = ran.find((r) => r.engine.id === id);
    return one ? [`${name}=${one.written}`] : [];
  });
  const r = spawnSync(env.python, [join(PEERS, 'w4_conventions.py'), ...inputs, ...written], { encoding: 'utf8' });
  if (r.status !== 0) return [{ engine: 'all', by: 'fills', ok: false, found: lastLines(r.stderr) }];
  return JSON.parse(r.stdout) as Compared[];
}

export const w4: Workload = {
  id: 'w4',
  title: 'W4: imbalance of the best quotes, 5 M rows of top of book and trades',
  figure: perCpuSecond('rows'),
  inputs: ['w4'],
  quick: ['w4q'],
  engines: [
    chimera,
    again,
    hftbacktest('file', 'hftbacktest'),
    hftbacktest('run', 'hftbacktest, its events in memory already'),
    nautilus,
  ],
  comparisons: [
    { ours: 'chimera', against: 'hftbacktest-file', atLeast: 1 },
    { ours: 'chimera-again', against: 'hftbacktest-run' },
    { ours: 'chimera', against: 'hftbacktest-file', of: 'process' },
    { ours: 'chimera', against: 'hftbacktest-file', of: 'memory', atMost: 0.1 },
    { ours: 'chimera-again', against: 'hftbacktest-file', of: 'memory', atMost: 0.1 },
  ],
  compare,
  leftOut: [
    'The conversion into hftbacktest’s events is our script’s, compiled by numba, not tuned; its users do it once per file and keep the events.',
    'Starting the interpreter, importing, and compiling hftbacktest’s strategy: the column "whole process" has them.',
  ],
};
