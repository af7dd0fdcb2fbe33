import type { CodeTable } from '../../../graph/schema/index.ts';

/** Errors of looking into a run. */
export const CODES = {
  CHM757: {
    title: 'the run has no such moment',
    text: 'The cycle, time or input that was asked for lies before the first input that is still there, or behind the last one that has been run. What can be looked at reaches as far back as the journals of the run or the lake that captured it, from the oldest checkpoint that is kept.',
  },
  CHM758: {
    title: 'the inputs of the run are not there',
    text: 'To show what a node held, the run is computed again from a checkpoint, and that needs its inputs: the journals in its state folder, the lake that it captured, or the files that it read. Segments of a journal are deleted once no checkpoint for going on needs them; a `--capture` or `--keep-journal` keeps them.',
  },
  CHM759: {
    title: 'there is no such node or port in the graph of that moment',
    text: 'Graphs change while a run lives. At the moment that was asked for another one ran, or the name is wrong; the message lists what was there.',
  },
} as const satisfies CodeTable;
