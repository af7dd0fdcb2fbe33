import { z } from 'zod';
import { ApiError } from '../problem.ts';
import { id, type Route, type Rule, route, type Service } from '../route.ts';

/** Paths that the specification names and that nothing is behind yet: their address and who may are settled. */
const UNBUILT: readonly (readonly [Service, string, Rule, string])[] = [
  ['s1', '/xchg/treasury/transfer', 'transfer.approve', 'carry out a transfer at the exchange'],
  ['s6', '/positions/manage', 'orders.write', 'evaluate stops and targets of a position now'],
  ['s7', '/labels/backfill', 'research', 'label past signals'],
  ['s8', '/autopsy/:trade_id', 'research', 'the review of a trade'],
  ['s10', '/bundles', 'config.propose', 'submit a bundle'],
  ['s10', '/promote', 'config.approve', 'promote a bundle to the next stage'],
];

export const unbuilt: readonly Route[] = UNBUILT.map(([service, path, rule, summary]) => {
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
      throw new ApiError('CHM1120', `nothing is behind ${path} yet`);
    },
  });
});
