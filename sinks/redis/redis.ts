import { z } from 'zod';
import { type ConfigIssue, defineSink, input } from '../../graph/node.ts';
import { AnyRecord } from '../any-record.ts';
import { RedisSink } from './redis-sink.ts';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(?::[a-z0-9_]+)*$/, 'lower case words, joined by colons, e.g. signals:new');
const config = z.strictObject({
  streams: z
    .array(
      z.strictObject({
        stream: name.describe('e.g. signals:new, health:s4'),
        from: z.string().describe('in-port'),
        only: z.record(z.string(), z.string()).default({}).describe('records whose fields have these values'),
        document: z
          .strictObject({ collection: z.string(), sink: z.string(), port: z.string() })
          .optional()
          .describe('the entry carries the id of the document that this sink makes of the same record'),
      }),
    )
    .default([])
    .describe('shared streams: an entry for each record'),
  keys: z
    .array(
      z.strictObject({
        key: name.describe('e.g. kill_switch, risk_budget'),
        from: z.string().describe('in-port'),
        field: z.string().optional().describe('this field alone, as text; default: the record as JSON'),
      }),
    )
    .default([])
    .describe('keys that hold the last record; of an instrument’s port a hash with a field for each instrument'),
});
export type RedisSinkConfig = z.output<typeof config>;

export const redis = defineSink({
  type: 'sink.redis',
  version: 1,
  tier: 'gold',
  summary:
    'Publishes records on shared Redis streams, and keeps the last ones in keys: for other programs, never for the graph.',
  doc: `Written at commits. An entry of a stream is JSON: \`{v, schema, t_us, key, source, seq, index, id?, values}\`, amounts in units. Redis numbers
the entries; their order between several writers is that of arrival, so they are no inputs of a deterministic graph.

**Exactly once.** Each record has a number of its own in its stream, kept with the commits of the run; a mark in the stream's slot keeps
out what was appended before a crash. Without a folder or database for the run the numbers live as long as the process.
**Keys** hold the last committed value, and are written anew at the first commit of each start, so that an emptied Redis is filled again.

A run without \`--publish\` or \`--bus\` writes nothing. A Redis that is away holds up the commit, like every sink (CHM524 and its like); what one that dies has forgotten of the last three seconds is published again.`,
  config,
  ports: { in: {}, rest: input(AnyRecord, { key: 'any', doc: 'what is published; the name is used in `from`' }) },
  determinism: 'external',
  check(c, wiring) {
    const issues: ConfigIssue[] = [];
    const ports = Object.keys(wiring.inputs);
    const used = new Set<string>();
    const look = (list: 'streams' | 'keys', i: number, from: string, fields: readonly string[]): void => {
      used.add(from);
      const schema = wiring.inputs[from];
      const missing = schema ? fields.find((f) => !(f in schema.fields)) : undefined;
      if (!schema || missing !== undefined)
        issues.push({
          code: 'CHM873',
          path: [list, i, schema ? 'field' : 'from'],
          message: schema ? `${schema.name} has no field "${missing}"` : `there is no in-port "${from}"`,
          help: `connected are ${ports.join(', ') || 'none'}`,
        });
    };
    for (const [i, s] of c.streams.entries()) look('streams', i, s.from, Object.keys(s.only));
    for (const [i, k] of c.keys.entries()) look('keys', i, k.from, k.field === undefined ? [] : [k.field]);
    for (const p of ports)
      if (!used.has(p))
        issues.push({
          code: 'CHM873',
          path: [],
          message: `in-port "${p}" is published nowhere`,
          help: 'name it in `streams` or `keys`, or disconnect it',
        });
    return issues;
  },
  open: (c, env, wiring) => RedisSink.open(c, env, wiring),
});
