import { Registry } from '../../graph/registry.ts';
import { decisionNodes } from '../../operators/decision/index.ts';
import { featureNodes } from '../../operators/feature/index.ts';
import { flowNodes } from '../../operators/flow/index.ts';
import { governanceNodes } from '../../operators/governance/index.ts';
import { labelNodes } from '../../operators/label/index.ts';
import { positionNodes } from '../../operators/position/index.ts';
import { routingNodes } from '../../operators/routing/index.ts';
import { silverNodes } from '../../operators/silver/index.ts';
import { sinkNodes } from '../../sinks/index.ts';
import { sourceNodes } from '../../sources/index.ts';
import { venueNodes } from '../../venue/index.ts';

export { codeTables } from '../docs/code-tables.ts';

/** Every node type of the program, room by room in the order of an event's way. */
export const registry = new Registry(
  sourceNodes,
  silverNodes,
  flowNodes,
  featureNodes,
  decisionNodes,
  positionNodes,
  routingNodes,
  governanceNodes,
  venueNodes,
  labelNodes,
  sinkNodes,
);
