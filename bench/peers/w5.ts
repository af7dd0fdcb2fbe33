import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PEERS } from './environment.ts';
import { type Compared, type Engine, perCpuSecond, type Ran, type RunContext, type Workload } from './workload.ts';

/** The sets; candles_vectorbt.py makes the same. */
const VARY = {
  50: ['fast=5..14', 'slow=20..40:5'],
  200: ['fast=5..24', 'slow=30..75:5'],
} as const;
type Sets = keyof typeof VARY;

const chimera = (sets: Sets, jobs: number): Engine => ({
  id: `chimera-${jobs}`,
  name: `Chimera, ${jobs} ${jobs === 1 ? 'core' : 'cores'}`,
  kind: 'chimera',
  cores: jobs,
  args: ({ inputs, fills }: RunContext) => [
    resolve('bin/chimera.js'),
    'sweep',
    resolve('pipelines/bench/ema-cross.yaml'),
    '--input',
    ...inputs,
    ...VARY[sets].flatMap((v) => ['--vary', v]),
    '--jobs',
    String(jobs),
    '--out',
    fills,
    '--json',
  ],
});
const vectorbt = (sets: Sets, mode: '1m' | '1h'): Engine => ({
  id: `vectorbt-${mode}`,
  name: mode === '1m' ? 'vectorbt, 1m rows' : 'vectorbt, 1 h rows alone',
  kind: 'bound',
  environment: 'vectorbt',
  args: ({ inputs, fills }: RunContext) => [
    join(PEERS, 'candles_vectorbt.py'),
    'w5',
    ...inputs,
    '--sets',
    String(sets),
    '--mode',
    mode,
    '--fills',
    fills,
  ],
  repeatsAtMost: 3,
});

/** Fills and final equity of each set, side by side. */
function compare(ran: readonly Ran[]): Compared[] {
  const ours = ran.find((r) => r.engine.id === 'chimera-1');
  if (!ours) return [];
  const mine = figures(ours.written);
  return ran
    .filter((r) => r !== ours)
    .map(({ engine, written }): Compared => {
      const theirs = figures(written);
      const same = [...theirs].filter(([set, v]) => {
        const m = mine.get(set);
        return m !== undefined && m.fills === v.fills && Math.abs(m.equity - v.equity) < 1e-5;
      }).length;
      const ok = same === theirs.size && same === mine.size && same > 0;
      return {
        engine: engine.name,
        by: 'fills and final equity of each set',
        ok,
        found: `${same} of ${mine.size} sets the same`,
      };
    });
}
function figures(file: string): Map<string, { fills: number; equity: number }> {
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const at = (name: string) => head!.split(',').indexOf(name);
  const [fast, slow, fills, equity] = ['fast', 'slow', 'fills', 'final_equity'].map(at) as [
    number,
    number,
    number,
    number,
  ];
  return new Map(
    rows.map((r) => {
      const v = r.split(',');
      return [`${v[fast]}/${v[slow]}`, { fills: Number(v[fills]), equity: Number(v[equity]) }];
    }),
  );
}

const search = (sets: Sets): Workload => ({
  id: `w5-${sets}`,
  title: `W5: ${sets} parameter sets of the EMA cross on W1`,
  figure: perCpuSecond('candles × sets'),
  inputs: ['w1'],
  quick: ['w1q'],
  engines: [chimera(sets, 1), chimera(sets, 2), vectorbt(sets, '1m'), vectorbt(sets, '1h')],
  comparisons: [
    { ours: 'chimera-1', against: 'vectorbt-1m', atLeast: 1 },
    { ours: 'chimera-2', against: 'chimera-1', of: 'wall', atLeast: 1.8 },
  ],
  compare,
  leftOut: [
    'Chimera follows the equity of every set at every minute for its drawdown and ratios; vectorbt is asked for orders and final value only.',
    'On 1 h rows vectorbt knows nothing of the minutes; it is what remains when bars are made once and by hand.',
  ],
});

export const w5x50 = search(50);
export const w5x200 = search(200);
