import { join, resolve } from 'node:path';
import { sameResults } from './compare.ts';
import { PEERS } from './environment.ts';
import type { Engine, RunContext, Workload } from './workload.ts';

/** W0: the graph alone, in the engine, in RxJS and in csp; w0-run.ts and w0_csp.py do the same operations over the same doubles. */
type Kind = 'chain' | 'diamond';
const NODES = 33;

const sized = (kind: Kind, { quick }: RunContext): string[] => [
  '--kind',
  kind,
  '--nodes',
  String(NODES),
  '--ticks',
  quick ? '100000' : '400000',
];
const ours = (kind: Kind, way: string, name: string): Engine => ({
  id: way === 'step' ? 'chimera' : `chimera-${way}`,
  name,
  kind: 'chimera',
  args: (run) => [resolve('dist/bench/peers/w0-run.js'), way, ...sized(kind, run)],
});
const rxjs = (kind: Kind): Engine => ({
  ...ours(kind, 'rxjs', kind === 'chain' ? 'RxJS, map' : 'RxJS, zip of maps'),
  id: 'rxjs',
  kind: 'event',
});
const csp = (kind: Kind, way: 'cpp' | 'python'): Engine => ({
  id: `csp-${way}`,
  name: way === 'cpp' ? 'csp, C++ nodes' : 'csp, Python nodes',
  kind: 'event',
  environment: 'csp',
  args: (run) => [join(PEERS, 'w0_csp.py'), way, ...sized(kind, run)],
});

const graph = (kind: Kind): Workload => ({
  id: `w0-${kind}`,
  title: kind === 'chain' ? `W0: a chain of ${NODES} nodes` : `W0: ${NODES / 3} diamonds of 3 nodes in a row`,
  figure: { unit: 'ns/node-cycle', better: 'less', of: (run) => run.ns_per_node_cycle ?? Number.NaN },
  inputs: [],
  quick: [],
  engines: [
    ours(kind, 'step', 'Chimera, generated'),
    csp(kind, 'cpp'),
    ours(kind, 'interpreted', 'Chimera, interpreted'),
    ours(kind, 'rx', 'Chimera, rx nodes'),
    rxjs(kind),
    csp(kind, 'python'),
  ],
  comparisons: [
    { ours: 'chimera', against: 'csp-cpp', atMost: 0.5 },
    { ours: 'chimera-rx', against: 'rxjs' },
  ],
  compare: (ran) => sameResults('sum behind the last node', ran),
  leftOut: [
    'The figure is a slope: the same graph without the nodes (source, loop, sum) is taken off. CPU s leaves nothing off.',
    'Neither keys nor taps, which csp does not have.',
    'Compiled code settles before the clock starts, as csp’s is compiled before.',
  ],
});

export const w0Chain = graph('chain');
export const w0Diamond = graph('diamond');
