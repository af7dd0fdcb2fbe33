import type { Ctx } from '../../graph/node.ts';
import type { Values } from '../../graph/schema/index.ts';
import type { OpenOrder } from './open-orders.ts';
import type { KillStatus } from './records.ts';

/** What the venue said of an instrument. */
export interface Held {
  /** Signed, as told last; NaN = nothing was told. */
  qty: number;
  /** Venue's time of that word, and of the last fill: until the word is as new as the fill it proves nothing. */
  toldMs: number;
  fillMs: number;
  /** Last price that is known, in the instrument's decimals. */
  px: number;
  /** Nobody has been closing it since then, engine time; −1 = somebody is, or there is nothing to close. */
  idleUs: number;
}
export interface LastGateState {
  /** As heard from the kill switch last; before it has spoken no risk passes. */
  known: boolean;
  engaged: boolean;
  paused: boolean;
  reason: string;
  phase: Values<typeof KillStatus>['phase'];
  engagedUs: number;
  cancelledUs: number;
  flatUs: number;
  open: Map<string, OpenOrder>;
  /** By key. */
  held: Held[];
  /** Numbers the orders that are made here. */
  orders: number;
  refused: number;
  /** Something that `status` tells has changed. */
  dirty: boolean;
  /** What was told last on `status`. */
  told: string;
}

export const initialState = (): LastGateState => ({
  known: false,
  engaged: false,
  paused: false,
  reason: '',
  phase: 'released',
  engagedUs: Number.NaN,
  cancelledUs: Number.NaN,
  flatUs: Number.NaN,
  open: new Map(),
  held: [],
  orders: 0,
  refused: 0,
  dirty: false,
  told: '',
});

export const isSpot = (ctx: Ctx, key: number): boolean => ctx.keys.at(key).name.startsWith('spot:');

export function heldOf(s: LastGateState, key: number): Held {
  while (s.held.length <= key) s.held.push({ qty: Number.NaN, toldMs: 0, fillMs: 0, px: 0, idleUs: -1 });
  return s.held[key]!;
}
