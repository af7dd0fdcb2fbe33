import { z } from 'zod';
import { defineSink, input } from '../../graph/node.ts';
import { AccountUpdate, Intent, OrderCommand, OrderReport } from '../../graph/schema/index.ts';
import { AnyRecord } from '../any-record.ts';
import { DocumentSink } from './document-sink.ts';

const all = { key: 'any', optional: true } as const;

export const documents = defineSink({
  type: 'sink.documents',
  version: 3,
  tier: 'gold',
  summary: 'Writes decisions, intents, orders, fills, positions and funding as documents with their lineage.',
  doc: `Collections by in-port: \`signal\` → signals (with the last \`features\` of the instrument), \`intent\` and every
port of the document's own naming → strategy_events (any port of intents: by the intent's id), \`command\` and \`report\` → orders (one document per order, with its
life cycle) and fills, \`account\` → funding_records, \`account\` and \`position\` → positions_snapshots.

The query \`lineage\` leads from each document to what caused it: fill → order → intent → signal → input, and to the service
in \`services\` (\`{ report: s4 }\`). Edges between documents are stored in \`lineage\`; the input (\`source\`, \`seq\`) and the
services (\`made_by\`) are fields of the document itself. A record's own field of such a name is kept as \`record_…\`.
Keys are functions of the causing input, so a repeated run writes the same documents.
Without a folder for the run, and without a database (\`--store\`), the documents are in memory and gone when it ends.`,
  config: z.strictObject({
    verdicts: z
      .enum(['all', 'changes'])
      .default('all')
      .describe('signals: every decision moment, or entries, exits and changes of what decided'),
    services: z.record(z.string(), z.string()).default({}).describe('service that makes the records of an in-port'),
  }),
  ports: {
    in: {
      features: input(AnyRecord, { ...all, doc: 'factors of the decision, one record per moment' }),
      signal: input(AnyRecord, { ...all, doc: 'verdicts of decision moments' }),
      intent: input(Intent, all),
      command: input(OrderCommand, all),
      report: input(OrderReport, all),
      account: input(AccountUpdate, all),
      position: input(AnyRecord, { ...all, doc: 'positions, or their changes' }),
    },
    rest: input(AnyRecord, { ...all, doc: 'further strategy events; the name is their kind' }),
  },
  determinism: 'external',
  open: (config, env, wiring) => DocumentSink.open(config, env, wiring),
});
