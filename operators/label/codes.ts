import type { CodeTable } from '../../graph/schema/index.ts';

export const CODES = {
  CHM160: {
    title: 'A training row would have a column twice',
    text: 'A horizon is given twice, or a feature already has the name of a return column (`return_12h`). Give each horizon once and rename the feature in the join.',
  },
} satisfies CodeTable;
