import type { AnyNode } from '../../graph/node.ts';
import { router } from './router.ts';

/** Node types that turn sized intents into orders. */
export const routingNodes: readonly AnyNode[] = [router];
