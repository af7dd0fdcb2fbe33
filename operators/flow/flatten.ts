import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { record } from '../../graph/schema/index.ts';

/** Nothing is asked of a record, so every record fits. */
const AnyRecord = record('any', 1, {}, 'Any record.');

/** Makes of a list one cycle for each of its records. */
export const flatten = defineNode({
  type: 'flow.flatten',
  version: 1,
  tier: 'silver',
  relays: true,
  summary: 'Gives each record of a list a cycle of its own, in order and at the same time.',
  doc: [
    'An out-port that can carry several records in a cycle fits only in-ports that take a list. Behind this node each record',
    'stands alone: what reads `record` runs once for each, in the order of the list, at the engine time of the cycle that',
    'brought the list, before the next timer or input. The cycles come after the one that brought the list; they wait in one',
    'line with feedback without delay, in order of emission. What they emit into that line stands behind what is in it already:',
    'a flattened list is never interrupted by what its first records cause.',
    '',
    'The records have the layout of the input. The cause of each cycle is this node with a running number, as with feedback;',
    'the rows of a tap on `record` have these numbers in order, and name the input that brought the list.',
  ].join('\n'),
  config: z.strictObject({}),
  ports: {
    in: { list: input(AnyRecord, { many: true, doc: 'single records count as lists of one' }) },
    out: (_, wiring) => ({
      record: output(wiring.inputs['list'] ?? AnyRecord, { successive: true, doc: 'one record of the list' }),
    }),
  },
  determinism: 'pure',
  state: () => ({}),
  step(_s, tick, _c, emit: { readonly record: (values: object) => void }) {
    const { list } = tick;
    for (let i = 0; i < list.n; i++) emit.record(list.at(i));
  },
  examples: [
    {
      title: 'The average bid over every state of the book, also where one message brought several',
      yaml: `chimera: 1
pipeline: bids
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  book:   { type: silver.order_book, in: { depth: market.depth, snapshot: market.depth_snapshot }, each: instrument }
  tops:   { type: flow.flatten, in: book.top }
  bid:    { type: feature.ema, in: tops.bid_px, with: { period: 100 } }
`,
    },
  ],
});
