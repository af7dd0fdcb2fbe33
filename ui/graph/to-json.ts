import type { Pipeline } from '../../graph/document/types.ts';
import { type CutView, cutView } from './cut-view.ts';
import { type GraphView, graphView } from './view.ts';

/** Boxes and arrows, and the plan of the cut when there are services. */
export const jsonView = (pipeline: Pipeline): GraphView & { cut: Pick<CutView, 'parts' | 'streams'> | null } => {
  const cut = cutView(pipeline);
  return { ...graphView(pipeline), cut: cut && { parts: cut.parts, streams: cut.streams } };
};

/** For programs that draw. */
export const toJson = (pipeline: Pipeline): string => JSON.stringify(jsonView(pipeline), null, 2);
