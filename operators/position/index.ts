import type { AnyNode } from '../../graph/node.ts';
import { gate } from './gate.ts';
import { sizing } from './sizing.ts';
import { stops } from './stops.ts';
import { tracker } from './tracker.ts';

/** Node types that size, gate, follow and protect positions. */
export const positionNodes: readonly AnyNode[] = [sizing, gate, tracker, stops];
