import { CODES as CODEC_CODES } from '../../graph/codec/codes.ts';
import { GRAPH_CODES } from '../../graph/codes.ts';
import { ENGINE_CODES } from '../../graph/engine/codes.ts';
import { CODES as MATH_CODES } from '../../graph/math/codes.ts';
import { Registry } from '../../graph/registry.ts';
import type { CodeTable } from '../../graph/schema/index.ts';
import { CODES as LAKE_CODES } from '../../lake/codes.ts';
import { CODES as DECODE_CODES } from '../../lake/decode/codes.ts';
import { CODES as DECISION_CODES } from '../../operators/decision/codes.ts';
import { decisionNodes } from '../../operators/decision/index.ts';
import { CODES as FEATURE_CODES } from '../../operators/feature/codes.ts';
import { featureNodes } from '../../operators/feature/index.ts';
import { CODES as LABEL_CODES } from '../../operators/label/codes.ts';
import { labelNodes } from '../../operators/label/index.ts';
import { positionNodes } from '../../operators/position/index.ts';
import { routingNodes } from '../../operators/routing/index.ts';
import { CODES as SILVER_CODES } from '../../operators/silver/codes.ts';
import { silverNodes } from '../../operators/silver/index.ts';
import { sinkNodes } from '../../sinks/index.ts';
import { CODES as STORE_CODES } from '../../sinks/store/codes.ts';
import { sourceNodes } from '../../sources/index.ts';
import { venueCodes, venueNodes } from '../../venue/index.ts';
import { CODES as CLI_CODES } from './codes.ts';

/** Every node type of the program, room by room in the order of an event's way. */
export const registry = new Registry(
  sourceNodes,
  silverNodes,
  featureNodes,
  decisionNodes,
  positionNodes,
  routingNodes,
  venueNodes,
  labelNodes,
  sinkNodes,
);

/** Every code that an error of the program can have. */
export const codeTables: readonly CodeTable[] = [
  GRAPH_CODES,
  STORE_CODES,
  LAKE_CODES,
  DECODE_CODES,
  ENGINE_CODES,
  CODEC_CODES,
  MATH_CODES,
  venueCodes,
  DECISION_CODES,
  SILVER_CODES,
  FEATURE_CODES,
  LABEL_CODES,
  CLI_CODES,
];
