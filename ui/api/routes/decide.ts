import { z } from 'zod';
import { decide } from '../../why/decide.ts';
import { toVerdict } from '../../why/verdict.ts';
import { ApiError, notFound } from '../problem.ts';
import { id, instrument, type Route, route } from '../route.ts';
import { lacks } from './runs.ts';
import { liveRun } from './trading.ts';

const value = z.union([z.number(), z.boolean(), z.string().max(200)]);
const values = z.record(z.string().max(64), value).refine((r) => Object.keys(r).length <= 500, 'at most 500 fields');

export const decisions: readonly Route[] = [
  route({
    method: 'POST',
    path: '/decide',
    service: 's3',
    rule: 'research',
    summary: 'the decision of the running rules on a record of features, with everything that it was made of',
    query: z.strictObject({ run: id.optional(), node: id.optional() }),
    body: z.strictObject({
      key: instrument.default('usdm:BTCUSDT'),
      features: values,
      position: values.optional(),
      guard: values.optional(),
    }),
    repeat: 'free',
    codes: ['CHM1121'],
    handle: ({ api, query, body }) => {
      const run = liveRun(api, query.run);
      const nodes = run.rules();
      const node = query.node === undefined ? nodes[0] : nodes.find((n) => n.id === query.node);
      if (!node) throw query.node === undefined ? lacks(run, 'rules') : notFound(`node of rules ${query.node}`);
      const missing = node.features.filter((f) => body.features[f] === undefined);
      if (missing.length > 0)
        throw new ApiError('CHM1110', `features are missing: ${missing.slice(0, 10).join(', ')}`, {
          field: `features.${missing[0]}`,
        });
      const { key, features, position, guard } = body;
      const moment = { node: node.id, key, features, position: position ?? null, guard: guard ?? null };
      return toVerdict({ ...moment, at_us: 0, cycle: 0, verdict: decide(node.rules, moment).verdict }, node.rules);
    },
  }),
];
