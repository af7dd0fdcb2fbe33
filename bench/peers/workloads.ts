import { w1, w2, w3 } from './candles.ts';
import { w0Chain, w0Diamond } from './w0.ts';
import { w4 } from './w4.ts';
import { w5x50, w5x200 } from './w5.ts';
import { w6Replay, w6Scan } from './w6.ts';
import { w7 } from './w7.ts';
import type { Workload } from './workload.ts';

/** Everything that `npm run bench:peers` can compare, in order. */
export const WORKLOADS: readonly Workload[] = [w0Chain, w0Diamond, w1, w2, w3, w4, w5x50, w5x200, w6Scan, w6Replay, w7];
