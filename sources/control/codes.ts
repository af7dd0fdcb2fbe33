import type { CodeTable } from '../../graph/schema/index.ts';

export const CODES = {
  CHM950: {
    title: 'a command is malformed',
    text: 'A command by a person did not enter the graph: its kind is unknown, a field is missing, too long or of the wrong type, or what stops or releases has no reason. Nothing was journaled. The message names the field; `chimera explain source.control` lists kinds and fields.',
  },
  CHM951: {
    title: 'nobody takes commands',
    text: 'The pipeline of this run has no node of type `source.control`, it has not opened it yet, or it has ended. A command that was on its way when the run ended is not journaled: send it again with the same idempotency key.',
  },
  CHM952: {
    title: 'too many commands wait',
    text: 'More commands wait to be journaled than the source takes (`waiting` of `source.control`). None of them is lost; this one did not enter. The run is stuck or overloaded: look at its health, then send the command again with the same idempotency key.',
  },
  CHM953: {
    title: 'an idempotency key stands for another command',
    text: 'The key was used before with other content. A key names one command for good, also after a restart; the earlier one stays as it is. Give this one a key of its own.',
  },
  CHM954: {
    title: 'a command names an instrument that the run does not have',
    text: 'The command is for one instrument, written like `usdm:BTCUSDT`, and no source of the run has declared it. Nothing was journaled. Leave the instrument out if the command is for all of them.',
  },
} satisfies CodeTable;
