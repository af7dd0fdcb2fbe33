import type { CodeTable } from '../../../graph/schema/index.ts';

/** Faults of what the venue is asked to play. */
export const CODES = {
  CHM838: {
    title: 'nothing to play',
    text: 'The inputs given to the venue hold no market data of the chosen symbols and markets, so there is no instrument to list. Name recorder files, archives, Parquet files or a lake folder, or leave the inputs out: then the synthetic market is played.',
  },
} as const satisfies CodeTable;
