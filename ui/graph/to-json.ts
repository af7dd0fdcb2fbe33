import type { Pipeline } from '../../graph/document/types.ts';
import { graphView } from './view.ts';

/** Boxes and arrows as JSON, for programs that draw. */
export const toJson = (pipeline: Pipeline): string => JSON.stringify(graphView(pipeline), null, 2);
