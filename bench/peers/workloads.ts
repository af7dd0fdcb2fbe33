import { w1, w2, w3 } from './candles.ts';
import { w5, w5b } from './w5.ts';
import type { Workload } from './workload.ts';

/** Everything that `npm run bench:peers` can compare, in order. */
export const WORKLOADS: readonly Workload[] = [w1, w2, w3, w5, w5b];
