import { noTrades, type SeenTrades } from '../position/seen-trades.ts';

/** The serialisable state of one instrument's router. Quantities and prices in the instrument's decimals. */

export type ChildStatus = 'sent' | 'open' | 'cancelling' | 'unknown' | 'done';

/** One order of an intent that is being worked. There is at most one at a time. */
export interface Child {
  id: string;
  mode: 'maker' | 'taker' | 'slice';
  status: ChildStatus;
  px: number;
  qty: number;
  /** Filled so far, as the venue's cumulative quantity: a report that comes twice changes nothing. */
  cum: number;
  /** Engine time since which it is UNKNOWN; −1 = it is not. */
  doubtUs: number;
  /** That it has been for too long was said. */
  alerted: boolean;
  /** When the venue was last asked for it, engine time. */
  askedUs: number;
}

/** An intent that is being worked. */
export interface Parent {
  id: string;
  action: 'enter' | 'exit' | 'reduce';
  origin: 'entry' | 'exit' | 'guardian' | 'operator';
  buy: boolean;
  qty: number;
  filled: number;
  makerQty: number;
  orders: number;
  phase: 'maker' | 'taker' | 'twap';
  /** Periods of the chase that are used up. */
  attempt: number;
  takers: number;
  slice: number;
  startUs: number;
  /** No further orders: it ends when the present one has. */
  cut: string;
  giveUpMaker: boolean;
  stopPx: number;
  targetPx: number;
  child: Child | null;
  /** For the execution record: mid at arrival, Σ price × quantity, Σ fee, steps. Statistics, not money. */
  mid: number;
  spent: number;
  fees: number;
  steps: number;
}

/** What waits for its turn: an exit behind an entry that is being cut. */
export type Waiting = Pick<Parent, 'id' | 'action' | 'origin' | 'qty'> & { urgent: boolean };

/** A conditional order that closes the position: the guardian stop, or the target. */
export interface Closer {
  kind: 'guardian' | 'target';
  id: string;
  status: 'none' | 'sent' | 'open' | 'cancelling' | 'unknown';
  buy: boolean;
  px: number;
  cum: number;
  /** Of the position when it was placed. */
  qty: number;
  doubtUs: number;
  alerted: boolean;
  /** When the venue was last told or asked about it, engine time. */
  askedUs: number;
  /** Placements since one rested. */
  tries: number;
}

export interface RouterState {
  /** Numbers client ids. */
  orders: number;
  emergencies: number;
  work: Parent | null;
  /** Intents that end with their UNKNOWN order, while an exit goes on: what becomes of that order is still theirs. */
  aside: Parent[];
  waiting: Waiting | null;
  /** Signed, from fills; on Spot whole steps, net of commissions in the asset. */
  pos: number;
  /** Spot: what such commissions have taken beyond the steps that were taken off `pos`; ≤ 0, in finer units (net-quantity.ts). */
  dust: number;
  /** Price of the last fill that opened or extended the position. */
  entryPx: number;
  seen: SeenTrades;
  guardian: Closer;
  target: Closer;
  stopPx: number;
  targetPx: number;
  /** The entry that the position came from: its guardian and target are for that intent, whenever they are placed. */
  entryId: string;
  /** Engine time since which the position has had no resting stop; −1 = it has one, or there is no position. */
  nakedSince: number;
  killed: boolean;
  /** While the kill switch is engaged: the venue refused to close, and it is tried again then, engine time; −1 = at once. */
  flattenUs: number;
  /** UNKNOWN orders that were told last. */
  doubts: number;
  /** When the next look at what has not been answered is due; −1 = none is. */
  lookUs: number;
}

const closer = (kind: Closer['kind']): Closer => ({
  kind,
  id: '',
  status: 'none',
  buy: false,
  px: 0,
  cum: 0,
  qty: 0,
  doubtUs: -1,
  alerted: false,
  askedUs: 0,
  tries: 0,
});

export const initialState = (): RouterState => ({
  orders: 0,
  emergencies: 0,
  work: null,
  aside: [],
  waiting: null,
  pos: 0,
  dust: 0,
  entryPx: 0,
  seen: noTrades(),
  guardian: closer('guardian'),
  target: closer('target'),
  stopPx: Number.NaN,
  targetPx: Number.NaN,
  entryId: '',
  nakedSince: -1,
  killed: false,
  flattenUs: -1,
  doubts: 0,
  lookUs: -1,
});

type Old<T> = Omit<T, 'doubtUs' | 'alerted' | 'qty' | 'askedUs'>;
/** States before version 4 know no pause between attempts to flatten; those of version 2 nothing of UNKNOWN orders beside the one that is worked, nor of commissions in the asset. */
export function migrateState(old: unknown): RouterState {
  const known = old as Partial<RouterState>;
  if (known.aside !== undefined) return { ...initialState(), ...known };
  const s = old as Omit<RouterState, 'guardian' | 'target'> & { guardian: Old<Closer>; target: Old<Closer> };
  const child = s.work?.child;
  const work = s.work && child ? { ...s.work, child: { ...child, doubtUs: -1, alerted: false, askedUs: 0 } } : s.work;
  return {
    ...initialState(),
    ...s,
    work,
    guardian: { ...closer('guardian'), ...s.guardian, qty: Math.abs(s.pos) },
    target: { ...closer('target'), ...s.target, qty: Math.abs(s.pos) },
  };
}
