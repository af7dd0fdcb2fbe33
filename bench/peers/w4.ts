import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { environment, lastLines, PEERS } from './environment.ts';
import { type Compared, type Engine, perCpuSecond, type Ran, type RunContext, type Workload } from './workload.ts';

/** W4: top of book and trades. hftbacktest twice: from the file, as Chimera goes, and over its own events in memory. */
const chimera: Engine = {
  id: 'chimera',
  name: 'Chimera',
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

/** Both lists of fills beside plain loops with one convention and the other. */
function compare(ran: readonly Ran[], inputs: readonly string[]): Compared[] {
  const [ours, theirs] = ['chimera', 'hftbacktest-file'].map((id) => ran.find((r) => r.engine.id === id)?.written);
  const env = environment('hftbacktest');
  if (ours === undefined || theirs === undefined || 'failed' in env) return [];
  const script = join(PEERS, 'w4_conventions.py');
  const r = spawnSync(env.python, [script, ...inputs, ours, theirs], { encoding: 'utf8' });
  if (r.status !== 0) return [{ engine: 'hftbacktest', by: 'fills', ok: false, found: lastLines(r.stderr) }];
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
    hftbacktest('file', 'hftbacktest'),
    hftbacktest('run', 'hftbacktest, its events in memory already'),
  ],
  comparisons: [
    { ours: 'chimera', against: 'hftbacktest-file', atLeast: 1 },
    { ours: 'chimera', against: 'hftbacktest-run' },
    { ours: 'chimera', against: 'hftbacktest-file', of: 'process' },
    { ours: 'chimera', against: 'hftbacktest-file', of: 'memory', atMost: 0.1 },
  ],
  compare,
  leftOut: [
    'The conversion into hftbacktest’s events is our script’s, compiled by numba, not tuned; its users do it once per file and keep the events.',
    'Starting the interpreter, importing, and compiling hftbacktest’s strategy: the column "whole process" has them.',
  ],
};
