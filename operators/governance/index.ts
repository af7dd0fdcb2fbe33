import type { AnyNode } from '../../graph/node.ts';
import { killSwitch } from './kill-switch.ts';
import { lastGate } from './last-gate.ts';
import { manualOrders } from './manual-orders.ts';

/** Node types by which people and rules govern a running graph. */
export const governanceNodes: readonly AnyNode[] = [killSwitch, lastGate, manualOrders];
