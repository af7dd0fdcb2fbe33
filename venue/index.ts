import type { AnyNode } from '../graph/node.ts';
import { candle } from './candle.ts';
import { spot } from './spot.ts';
import { synthetic } from './synthetic/source.ts';
import { touch } from './touch.ts';
import { usdm } from './usdm.ts';

export { CODES as venueCodes } from './codes.ts';

/** Every node type of this room. */
export const venueNodes: readonly AnyNode[] = [usdm, spot, candle, touch, synthetic];
