import type { AnyNode } from '../graph/node.ts';
import { market } from './market.ts';

export const sourceNodes: readonly AnyNode[] = [market];
