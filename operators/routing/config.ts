import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { filters } from '../position/filters.ts';

const style = z.enum(['maker_then_taker', 'maker_only', 'taker']);

export const routerConfig = z.strictObject({
  entry: style.default('maker_then_taker').describe('how entries are executed'),
  exit: style.exclude(['maker_only']).default('taker').describe('how exits are executed; stops always take'),
  chase: z
    .strictObject({
      reprice_after: duration({ min: '1ms', max: '1h' })
        .prefault('2s')
        .describe('how long a post-only order rests before it is looked at again'),
      attempts: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe('such periods before the rest is taken; a refused post-only order uses one up'),
    })
    .prefault({}),
  taker: z
    .strictObject({
      attempts: z
        .int()
        .min(1)
        .max(20)
        .default(3)
        .describe('market orders for one intent, when one expires before it is filled'),
    })
    .prefault({}),
  twap: z
    .strictObject({
      above_usdt: z.number().positive().describe('notional from which an intent is sliced'),
      slices: z.int().min(2).max(1000).default(10),
      over: duration({ min: '100ms', max: '1d' }).prefault('1m'),
    })
    .optional()
    .describe('without it nothing is sliced'),
  guardian: z
    .strictObject({
      distance_bp: z
        .number()
        .positive()
        .max(5000)
        .default(300)
        .describe('from the entry price, when the intent names no stop'),
      missing_limit: duration({ min: '100ms', max: '1h' })
        .prefault('5s')
        .describe('longest time that a position may be without a resting stop; then it is closed'),
      attempts: z
        .int()
        .min(1)
        .max(20)
        .default(5)
        .describe('times that a lost stop is placed again without one of them having rested'),
    })
    .prefault({}),
  ack_timeout: duration({ min: '10ms', max: '10m' })
    .prefault('3s')
    .describe('without an answer for so long an order is UNKNOWN, and is asked for'),
  unknown_limit: duration({ min: '100ms', max: '1h' })
    .prefault('30s')
    .describe('an order that is UNKNOWN for longer is an alert'),
  filters,
});
export type RouterConfig = z.output<typeof routerConfig>;
