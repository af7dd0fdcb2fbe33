import { w1, w2, w3 } from './candles.ts';
import type { Workload } from './workload.ts';

/** Everything that `npm run bench:peers` can compare, in order. */
export const WORKLOADS: readonly Workload[] = [w1, w2, w3];
