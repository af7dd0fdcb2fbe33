import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of journals that go on while a run lives: sealing, deleting, resuming. */
export const CODES = {
  CHM624: {
    title: 'the beginning of the journal is gone',
    text: 'Segments of the journal that no checkpoint needed any more have been deleted, and now the run would have to begin before what is left: its checkpoints are missing or unreadable. Restore the store of the state folder from a backup, or start anew in an empty folder; what was captured is in the lake.',
  },
  CHM625: {
    title: 'the lake holds another run',
    text: 'The lake named for the capture already holds inputs that were sealed from another journal, or ends before what this journal has left: the rows would be taken for those of one run. Capture into an empty folder, or go on with the state and the lake of the first start.',
  },
  CHM626: {
    title: 'the journal is being sealed by another process',
    text: 'Only one process at a time turns a journal into Parquet, and another one has been doing so for a minute. Two runs cannot share a state folder: end the other one.',
  },
  CHM627: {
    title: 'sealing failed',
    text: 'The process that turns finished segments of the journal into Parquet ended without an answer. Nothing is lost: the segments stay where they are and are sealed later, at the latest when the run ends. The message has the last line that the process said.',
  },
} as const satisfies CodeTable;
