import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of the feature node types. */
export const CODES = {
  CHM870: {
    title: 'periods of a feature contradict each other',
    text: 'A feature compares a fast with a slow average, or an entry with an exit level, and the two are equal or the wrong way round, so that it would say nothing or the opposite.',
  },
  CHM871: {
    title: 'joined feature does not exist',
    text: 'An option of a feature join names an input that is not connected. The names are those given under `in:` of the node.',
  },
  CHM872: {
    title: 'nothing to join',
    text: 'A feature join, or a consistency score over several time frames, has no variadic input. Name each feature under `in:` beside the trigger.',
  },
} as const satisfies CodeTable;
