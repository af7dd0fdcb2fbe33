import { z } from 'zod';
import { duration } from '../graph/document/duration.ts';
import { nextFloat, type RandomState, seedRandom } from '../graph/math/index.ts';
import type { OrderCommand, OrderReport, Values } from '../graph/schema/index.ts';

export type Command = Readonly<Values<typeof OrderCommand>>;
export type KeyedReport = Values<typeof OrderReport> & { key: number };

/** What a simulated venue can be told to do to sends, so that what follows from it can be tested without a network. */
export const unknownFaults = z
  .strictObject({
    share: z
      .number()
      .min(0)
      .max(1)
      .describe('of placed orders, whose send has an open outcome: they are told `unknown`'),
    lost: z.number().min(0).max(1).default(0.5).describe('of these, which the venue never got'),
    proof_after: duration({ min: '1ms', max: '1h' })
      .prefault('2s')
      .describe('until the outcome is told by itself; a query brings it at once'),
    seed: z.int().min(0).default(1),
  })
  .optional()
  .describe('fault scenario: sends with an open outcome');
export type UnknownFaults = z.output<typeof unknownFaults>;

/** An order whose outcome is not told yet. */
interface Doubt {
  key: number;
  command: Values<typeof OrderCommand>;
  lost: boolean;
  /** When the truth is told, engine time (µs). */
  at: number;
  /** Reports that wait until then. */
  held: KeyedReport[];
}

/**
 * What stands between the orders of a graph and a simulated exchange: answers to queries, and sends with an open outcome.
 * Plain data, part of the node's state.
 */
export interface OrderDesk {
  random: RandomState;
  doubts: Doubt[];
  /** Queries on their way, in order. */
  queries: { at: number; key: number; command: Values<typeof OrderCommand> }[];
  /** What is due by `at`, in order. */
  out: { at: number; values: KeyedReport }[];
  /** The last reports of orders that have ended, oldest first. */
  ended: KeyedReport[];
}

/** Ended orders that a query still finds. */
const REMEMBERED = 64;
const TIMEOUT = -1007;
const NO_SUCH_ORDER = -2013;
const NEVER_CAME = 'no answer, and the exchange does not know the order: it was not accepted';

export const createDesk = (faults: UnknownFaults, node: string): OrderDesk => ({
  random: seedRandom(faults?.seed ?? 1, node),
  doubts: [],
  queries: [],
  out: [],
  ended: [],
});

/** A send (of an order, or of a list of them) meets the scenario. @returns false: it never arrives */
export function sent(
  d: OrderDesk,
  faults: UnknownFaults,
  key: number,
  orders: readonly Command[],
  now: number,
  backUs: number,
): boolean {
  if (!faults || orders[0]!.action !== 'place' || nextFloat(d.random) >= faults.share) return true;
  const lost = nextFloat(d.random) < faults.lost;
  for (const c of orders) {
    d.doubts.push({ key, command: copyOf(c), lost, at: now + faults.proof_after, held: [] });
    say(d, now + backUs, about(key, c, now, { exec: 'unknown', reason: 'fault scenario' }));
  }
  return !lost;
}

/** A report of the exchange is on its way to the graph. @returns it, or undefined when it has to wait for the proof */
export function pass(d: OrderDesk, r: KeyedReport): KeyedReport | undefined {
  if (isEnd(r)) {
    d.ended.push(r);
    if (d.ended.length > REMEMBERED) d.ended.shift();
  }
  const doubt = d.doubts.length > 0 ? d.doubts.find((x) => isOf(x, r.key, r.client_id)) : undefined;
  if (!doubt || r.code === -2011) return r;
  doubt.held.push(r);
  return undefined;
}

/** Outcomes whose time has come are told. */
export function prove(d: OrderDesk, now: number): void {
  for (const x of [...d.doubts]) if (x.at <= now) tell(d, x, now, now);
}
function tell(d: OrderDesk, x: Doubt, now: number, at: number): void {
  d.doubts.splice(d.doubts.indexOf(x), 1);
  for (const r of x.held) say(d, at, r);
  if (x.lost) say(d, at, about(x.key, x.command, now, { ...REJECTED, code: TIMEOUT, reason: NEVER_CAME }));
}

/**
 * A query has arrived: what is known of the order is told first, then how it stands.
 * @param standing the last word of the exchange on an order that is open there
 * @param under reports that are on their way
 */
export function answerQuery(
  d: OrderDesk,
  key: number,
  c: Command,
  standing: KeyedReport | undefined,
  under: readonly KeyedReport[],
  now: number,
  backUs: number,
): void {
  const at = now + backUs;
  const doubt = d.doubts.find((x) => isOf(x, key, c.client_id));
  if (doubt) tell(d, doubt, now, at);
  if (doubt?.lost) return;
  const same = (r: KeyedReport): boolean => r.key === key && r.client_id === c.client_id && r.code !== -2011;
  const last = standing ?? under.findLast(same) ?? doubt?.held.findLast(same) ?? d.ended.findLast(same);
  const values = last
    ? { ...last, exec: 'status' as const, reason: 'queried', ...NO_TRADE, time_ms: Math.floor(now / 1000) }
    : about(key, c, now, { ...REJECTED, code: NO_SUCH_ORDER, reason: 'Order does not exist.' });
  say(d, at, values);
}
/** In order of the time that it is due at. */
function say(d: OrderDesk, at: number, values: KeyedReport): void {
  let i = d.out.length;
  while (i > 0 && d.out[i - 1]!.at > at) i--;
  d.out.splice(i, 0, { at, values });
}

/** When the desk has something to do next; Infinity = never. */
export function nextDue(d: OrderDesk): number {
  let due = Number.POSITIVE_INFINITY;
  for (const x of d.doubts) due = Math.min(due, x.at);
  if (d.queries.length > 0) due = Math.min(due, d.queries[0]!.at);
  if (d.out.length > 0) due = Math.min(due, d.out[0]!.at);
  return due;
}

const isOf = (x: Doubt, key: number, client: string): boolean => x.key === key && x.command.client_id === client;
const isEnd = (r: KeyedReport): boolean =>
  r.code !== -2011 && r.status !== 'new' && r.status !== 'partially_filled' && r.exec !== 'status';

const REJECTED = { exec: 'rejected', status: 'rejected' } as const;
const NO_TRADE = {
  last_px: Number.NaN,
  last_qty: 0,
  fee: 0,
  realized_pnl: 0,
  maker: false,
  trade_id: 0,
  base_fee: Number.NaN,
};
/** A report on a command that is no order of the exchange. */
export const about = (key: number, c: Command, now: number, more: Partial<KeyedReport>): KeyedReport => ({
  client_id: c.client_id,
  order_id: 0,
  exec: 'new',
  status: 'new',
  code: 0,
  reason: '',
  side: c.side,
  type: c.type,
  tif: c.tif,
  px: c.px,
  stop_px: c.stop_px,
  qty: c.qty,
  reduce_only: c.reduce_only,
  cum_qty: 0,
  cum_quote: 0,
  ...NO_TRADE,
  time_ms: Math.floor(now / 1000),
  key,
  ...more,
});

/** A view of a port is not to be kept. */
export const copyOf = (c: Command): Values<typeof OrderCommand> => ({
  action: c.action,
  client_id: c.client_id,
  side: c.side,
  type: c.type,
  tif: c.tif,
  qty: c.qty,
  px: c.px,
  stop_px: c.stop_px,
  working: c.working,
  reduce_only: c.reduce_only,
  close_position: c.close_position,
  intent_id: c.intent_id,
  origin: c.origin,
});
