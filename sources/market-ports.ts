import { type OutPort, output } from '../graph/node.ts';
import { MARKET_PORTS, type MarketPort } from '../graph/schema/index.ts';

/** Out-ports of every source of a market, so that one can stand in the place of another. */
export const marketPorts = Object.fromEntries(
  Object.entries(MARKET_PORTS).map(([name, schema]) => [
    name,
    output(schema, { key: name === 'engine_lag' || name === 'dead_letter' ? 'none' : 'instrument' }),
  ]),
) as {
  [P in MarketPort]: OutPort<(typeof MARKET_PORTS)[P]>;
};
