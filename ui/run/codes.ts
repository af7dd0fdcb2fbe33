import type { CodeTable } from '../../graph/schema/index.ts';

/** Errors of putting a run together with the stores that it writes to. */
export const CODES = {
  CHM945: {
    title: 'the database holds another run of the pipeline',
    text: 'Keys of documents are made of the pipeline and of the inputs that caused them, so that a repeated commit changes nothing. Two runs of one pipeline in one database would write over one another. Give each a database of its own (the last part of the address); a run that is to go on needs the `--state` folder of its first start, or none if it began without. Other pipelines may be in the same database.',
  },
  CHM946: {
    title: 'this run needs a state folder beside its database',
    text: 'What is captured or paced is written down first, in the journals of the folder named by `--state`. With a database of checkpoints and no such folder the run would go on from a commit whose inputs nobody has any more.',
  },
} as const satisfies CodeTable;
