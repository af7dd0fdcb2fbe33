import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REFUSALS, type Refusal } from '../error.contract.ts';
import * as limits from '../limits.contract.ts';
import * as order from '../order-life.contract.ts';
import * as rest from '../public-rest.contract.ts';
import { farewell, streams } from '../public-streams.contract.ts';
import { type MarketName, openSession, type Session } from './session.ts';

/** A flow of a suite: what it finds, and how. */
export type Flow = readonly [title: string, run: (s: Session) => Promise<void>];

/** What both markets have alike, in the order in which it is looked for. */
export const PRICES: readonly Flow[] = [
  ['its tickers', rest.tickers],
  ['its books', rest.books],
  ['its trades', rest.trades],
  ['its candles', rest.candles],
];
export const STREAMS: readonly Flow[] = [
  ['its streams', streams],
  ['the end of its streams', farewell],
];
export const ORDERS: readonly Flow[] = [
  ['an order that rests, is found and is cancelled', order.farLimit],
  ['an order that is filled by the market', order.marketableLimit],
  ['market orders', order.marketOrders],
  ['post-only', order.postOnly],
  ['IOC and FOK', order.immediate],
  ['client ids', order.clientIds],
  ['changes of an order', order.edit],
];

const LEAST = 60;
const NAMES = { usdm: 'USD-M', spot: 'Spot' } as const;
/** Start-up line of another venue to hold to the contract; absent: one is started. */
const readyFile = process.env['CHIMERA_CONTRACT_READY'];

/** Holds a venue to the contract of one market. Refusals and limits come last: after a flood nothing is answered for a while. */
export function suite(market: MarketName, flows: readonly Flow[], refusals: readonly Refusal[]): void {
  let s: Session;
  beforeAll(async () => {
    s = await openSession(market, readyFile);
  });
  afterAll(() => s?.close());
  const name = NAMES[market];

  describe(`an unmodified ccxt finds Binance ${name} in the venue`, () => {
    const last: Flow[] = [
      ['errors of each class', (x) => limits.refusals(x, [...REFUSALS, ...refusals])],
      ['counters of its limits', limits.counters],
    ];
    // The address of who floods an exchange is refused: not done to one that others use.
    if (readyFile === undefined) last.push(['limits', limits.flood]);
    for (const [title, run] of [...flows, ...last]) it(title, () => s.contract.flow(title, () => run(s)));

    it(`and at least ${LEAST} different statements of it hold, and none is broken`, () => {
      const { held, different, broken } = s.contract;
      console.info(`${name}: ${different} different statements hold in ${held} places, ${broken.size} are broken`);
      expect([...broken.keys()]).toEqual([]);
      expect(different).toBeGreaterThanOrEqual(LEAST);
    });
  });
}
