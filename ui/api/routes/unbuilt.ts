import { z } from 'zod';
import { ApiError } from '../problem.ts';
import { id, type Route, type Rule, route, type Service } from '../route.ts';

/** Paths that the specification names and that nothing is behind yet: their address and who may are settled. */
const UNBUILT: readonly (readonly [Service, string, Rule, string, string])[] = [
  [
    's1',
    '/xchg/treasury/transfer',
    'transfer.approve',
    'carry out a transfer at the exchange',
    'propose one with POST /treasury/transfer: it is recorded and waits for approval',
  ],
  [
    's6',
    '/positions/manage',
    'orders.write',
    'evaluate stops and targets of a position now',
    'the run evaluates them at every trade: GET /positions has the stop of each, and what it did is in the decisions',
  ],
  [
    's7',
    '/labels/backfill',
    'research',
    'label past signals',
    'for a training set with labels over a lake: chimera lake dataset',
  ],
  [
    's8',
    '/autopsy/:trade_id',
    'research',
    'the review of a trade',
    'GET /runs/:run/lineage?order=… goes back from an order to what caused it, …/why has the verdict',
  ],
  ['s10', '/bundles', 'config.propose', 'submit a bundle', 'documents are proposed with POST /config/proposals'],
  [
    's10',
    '/promote',
    'config.approve',
    'promote a bundle to the next stage',
    'a proposal goes into force with POST /config/proposals/:id/approve, as a whole',
  ],
];

export const unbuilt: readonly Route[] = UNBUILT.map(([service, path, rule, summary, help]) => {
  const name = /:(\w+)/.exec(path)?.[1];
  return route({
    method: 'POST',
    path,
    service,
    rule,
    summary: `${summary} (nothing is behind this yet)`,
    ...(name === undefined ? {} : { params: z.strictObject({ [name]: id }) }),
    body: z.looseObject({}).optional(),
    status: 501,
    codes: ['CHM1120'],
    handle: () => {
      throw new ApiError('CHM1120', `nothing is behind ${path} yet`, { help });
    },
  });
});
