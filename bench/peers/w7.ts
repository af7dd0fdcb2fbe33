import { join, resolve } from 'node:path';
import { sameResults } from './compare.ts';
import { PEERS } from './environment.ts';
import type { Engine, RunContext, Workload } from './workload.ts';

/** W7: events through a Redis, each arriving once, beside what redis-benchmark writes into one; see w7-run.ts and w7_bytewax.py. */
const sized = ({ quick }: RunContext): string[] => ['--events', quick ? '200000' : '1000000'];
const here = (way: string, name: string, kind: Engine['kind']): Engine => ({
  id: way === 'hop' ? 'chimera' : 'redis-benchmark',
  name,
  kind,
  cores: 2,
  args: (run) => [resolve('dist/bench/peers/w7-run.js'), way, ...sized(run)],
});
const bytewax: Engine = {
  id: 'bytewax',
  name: 'bytewax, redis-py',
  kind: 'event',
  environment: 'bytewax',
  cores: 2,
  repeatsAtMost: 3,
  args: (run) => [join(PEERS, 'w7_bytewax.py'), ...sized(run)],
};

export const w7: Workload = {
  id: 'w7',
  title: 'W7: a hop over Redis, two cores',
  figure: { unit: 'events/s', better: 'more', of: (run) => run.rows / run.wall_s },
  inputs: [],
  quick: [],
  engines: [
    here('hop', 'Chimera, exactly once', 'chimera'),
    here('limit', 'redis-benchmark, XADD alone', 'bound'),
    bytewax,
  ],
  comparisons: [
    { ours: 'chimera', against: 'redis-benchmark', atLeast: 0.5 },
    { ours: 'chimera', against: 'bytewax' },
  ],
  compare: (ran) => sameResults('events that arrived', ran),
  leftOut: [
    'By the clock, as three processes share the work; the CPU time is that of all of them, Redis and the start of each included.',
    'redis-benchmark writes entries of 64 bytes, 50 clients with 64 commands in flight, and reads nothing back.',
    'bytewax has no connector for Redis: ours reads and writes streams through redis-py, 1,000 entries a call. Its sink writes an entry again after a crash.',
  ],
};
