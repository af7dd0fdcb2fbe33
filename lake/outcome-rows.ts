import { int, oneOf, record, text, type Values } from '../graph/schema/index.ts';

/**
 * What asynchronous nodes were told. It lies in Bronze beside what the sources delivered, because a replay needs both, and
 * is no input of any source: a range of the lake leaves it out unless it is asked for by name.
 */
export const OUTCOMES = 'outcome';
/** Its `source`. No node can have this name. */
export const OUTCOME_SOURCE = '$outcomes';
export const OutcomeRow = record(
  'outcome',
  1,
  {
    node: text('who asked'),
    instrument: text('of which instance; empty on nodes without key'),
    cause: text('source or node that caused the cycle'),
    cause_seq: int({ doc: 'its number there' }),
    asked: int({ doc: 'CRC-32C of the question' }),
    epoch: int({ doc: 'commit behind which it was asked' }),
    kind: oneOf('value', 'fallback', 'error'),
    value: text('the answer in the state codec, as base64; of an error its code and message'),
  },
  'What an asynchronous node was told.',
);
export type OutcomeRow = Values<typeof OutcomeRow>;
