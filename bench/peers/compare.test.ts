import { expect, it } from 'vitest';
import { sameResults, tell } from './compare.ts';
import { type Engine, type Measured, perCpuSecond, type Workload } from './workload.ts';

const engine = (id: string, kind: Engine['kind']): Engine => ({ id, name: id.toUpperCase(), kind, args: () => [] });
const run = (cpu_s: number, peak_rss_mb: number, result?: number[]): Measured => ({
  rows: 1200,
  cpu_s,
  wall_s: cpu_s,
  process_cpu_s: 2 * cpu_s,
  process_wall_s: 2 * cpu_s,
  peak_rss_mb,
  ...(result ? { result } : {}),
});
const [ours, slow, fast] = [engine('ours', 'chimera'), engine('slow', 'event'), engine('fast', 'event')];
const workload: Workload = {
  id: 'w',
  title: 'w',
  figure: perCpuSecond('rows'),
  inputs: [],
  quick: [],
  engines: [ours, slow, fast],
  comparisons: [
    { ours: 'ours', against: 'event', atLeast: 3 },
    { ours: 'ours', against: 'event', of: 'memory', atMost: 0.5 },
    { ours: 'ours', atLeast: 1000 },
    { ours: 'ours', against: 'absent', atLeast: 1 },
    { ours: 'ours', against: 'slow' },
  ],
  leftOut: [],
};
const outcomes = [
  { engine: ours, runs: [run(1, 100), run(1, 100), run(2, 90)] },
  { engine: slow, runs: [run(8, 150)] },
  { engine: fast, runs: [run(3, 400), run(2, 400), run(8, 400)] },
];

it('pairs the turns with those of the best event-driven peer and takes the median ratio', () => {
  const [rate, memory] = tell(workload, outcomes);
  expect(rate).toEqual({
    ours: 'OURS',
    against: 'FAST',
    of: 'figure',
    measured: [3, 2, 4],
    goal: '≥ 3',
    reached: true,
  });
  expect(memory).toMatchObject({ against: 'SLOW', goal: '≤ 0.5', reached: false });
});

it('judges a figure by itself, misses a goal beside an absent row, and only tells what has no bound', () => {
  const [, , alone, absent, told] = tell(workload, outcomes);
  expect(alone).toMatchObject({ measured: [1200, 600, 1200], against: undefined, reached: true });
  expect(absent).toMatchObject({ measured: undefined, against: 'absent', reached: false });
  expect(told).toMatchObject({ measured: [8, 8, 8], goal: undefined, reached: undefined });
  // Of another size than the goals are for, nothing is judged.
  expect(tell(workload, outcomes, false)[0]).toMatchObject({ goal: '≥ 3', reached: undefined });
});

it('names the engine whose result differs from the first one by more than the tolerance', () => {
  const ran = (e: Engine, ...results: number[][]) => ({
    engine: e,
    runs: results.map((r) => run(1, 1, r)),
    written: '',
  });
  const all = [
    ran(ours, [10, 20]),
    ran(slow, [10, 20], [10, 20.001]),
    { engine: fast, runs: [run(1, 1)], written: '' },
  ];
  expect(sameResults('sums', all, 1e-4).map((c) => [c.engine, c.ok])).toEqual([['OURS; SLOW', true]]);
  expect(sameResults('sums', all).map((c) => [c.engine, c.ok])).toEqual([
    ['OURS', true],
    ['SLOW', false],
  ]);
});
