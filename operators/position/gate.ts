import { z } from 'zod';
import { defineNode, type Emit, input, output } from '../../graph/node.ts';
import type { Values } from '../../graph/schema/index.ts';
import { ManualReserve, RiskHalt } from '../governance/records.ts';
import { OrderDoubt, RouteOutcome } from '../routing/records.ts';
import { quoteToMoney } from './filters.ts';
import { Position, RiskUsage, RiskVerdict, SizedIntent } from './records.ts';

const config = z.strictObject({
  max_positions: z.int().min(1).max(1000).default(5).describe('positions and entries in flight, over all instruments'),
  budget_usdt: z.number().positive().default(200).describe('initial margin of all positions and entries in flight'),
  leverage: z.int().min(1).max(125).default(20),
});
const out = {
  intent: output(SizedIntent, { many: true, keyed: true }),
  verdict: output(RiskVerdict, { many: true, keyed: true }),
  usage: output(RiskUsage, { doc: 'at the first event, and when it is another' }),
};

/** What the gate knows of one instrument. */
interface Slot {
  /** Margin of the open position, × 10⁸. */
  held: number;
  /** Entry that was let through and has not come to its end; empty = none. */
  entry: string;
  entryMargin: number;
  exit: string;
  /** Orders of it that are UNKNOWN at the venue. */
  unknown: number;
  /** Open orders by hand that add risk, and the margin that they may yet need. */
  manual: number;
  manualMargin: number;
}
interface State {
  /** By key. */
  slots: Slot[];
  /** What was told last on `usage`; −1 = nothing. */
  toldOpen: number;
  toldMargin: number;
}

export const gate = defineNode({
  type: 'position.gate',
  version: 4,
  tier: 'gold',
  summary:
    'Lets an intent through or refuses it: positions at once, margin budget, one entry at a time per instrument, kill switch.',
  doc: `One instance sees all instruments, so that two entries at the same moment cannot both take the last slot: the first in
the order of the graph takes it. A slot and its margin are taken when the entry passes, and freed when the router says that it
ended unfilled, or when the position is flat again. Exits and reductions always pass, once each.
Orders by people (\`reserved\`) take a place and margin like entries, and no entry passes beside them.
While an order of an instrument is UNKNOWN (\`doubt\`) no entry of that instrument passes.
Every intent gets exactly one verdict, with what was in use before it.`,
  config,
  ports: {
    in: {
      intent: input(SizedIntent, { key: 'any' }),
      position: input(Position, { key: 'any' }),
      outcome: input(RouteOutcome, { key: 'any', doc: 'from the router, as feedback' }),
      kill: input(RiskHalt, { key: 'none', optional: true }),
      doubt: input(OrderDoubt, { key: 'any', optional: true, doc: 'from the router, as feedback' }),
      reserved: input(ManualReserve, {
        key: 'any',
        optional: true,
        doc: 'from governance.manual_orders, as feedback',
      }),
    },
    out,
  },
  determinism: 'pure',
  state: (): State => ({ slots: [], toldOpen: -1, toldMargin: -1 }),
  /** Version 1 knew of no UNKNOWN orders, version 3 of none by hand. */
  migrate: (old): State => ({
    toldOpen: -1,
    toldMargin: -1,
    slots: (old as State).slots.map((x) => ({
      ...x,
      unknown: x.unknown ?? 0,
      manual: x.manual ?? 0,
      manualMargin: x.manualMargin ?? 0,
    })),
  }),
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.position.n; i++) {
      const p = tick.position.at(i);
      slotOf(s, p.key).held = p.qty === 0 ? 0 : quoteToMoney(p.entry_quote, ctx.keys.at(p.key), c.leverage);
    }
    for (let i = 0; i < tick.doubt.n; i++) {
      const v = tick.doubt.at(i);
      slotOf(s, v.key).unknown = v.orders;
    }
    for (let i = 0; i < tick.reserved.n; i++) {
      const v = tick.reserved.at(i);
      const slot = slotOf(s, v.key);
      slot.manual = v.orders;
      slot.manualMargin = v.margin;
    }
    for (let i = 0; i < tick.outcome.n; i++) {
      const o = tick.outcome.at(i);
      const slot = slotOf(s, o.key);
      if (slot.entry === o.intent_id) {
        slot.entry = '';
        slot.entryMargin = 0;
      }
      if (slot.exit === o.intent_id) slot.exit = '';
    }
    for (let i = 0; i < tick.intent.n; i++) {
      const it = tick.intent.at(i);
      pass(s, it, it.key, c, tick.kill.seen ? haltOf(tick.kill) : '', emit);
    }
    usage(s, c, emit);
  },
});

const haltOf = (k: Readonly<Values<typeof RiskHalt>>): string =>
  k.engaged ? 'the kill switch is engaged' : k.paused ? 'new risk is paused' : '';

function slotOf(s: State, key: number): Slot {
  while (s.slots.length <= key)
    s.slots.push({ held: 0, entry: '', entryMargin: 0, exit: '', unknown: 0, manual: 0, manualMargin: 0 });
  return s.slots[key]!;
}

function openOf(s: State): number {
  let open = 0;
  for (const x of s.slots) if (x.held > 0 || x.entry !== '' || x.manual > 0) open++;
  return open;
}
function marginOf(s: State): number {
  let inUse = 0;
  for (const x of s.slots) inUse += x.held + x.entryMargin + x.manualMargin;
  return inUse;
}
function usage(s: State, c: z.output<typeof config>, emit: Emit<typeof out>): void {
  const open = openOf(s);
  const inUse = marginOf(s);
  if (open === s.toldOpen && inUse === s.toldMargin) return;
  s.toldOpen = open;
  s.toldMargin = inUse;
  emit.usage({
    open,
    max_positions: c.max_positions,
    margin_in_use: inUse,
    margin_left: Math.round(c.budget_usdt * 1e8) - inUse,
  });
}

function pass(
  s: State,
  it: Readonly<Values<typeof SizedIntent>>,
  key: number,
  c: z.output<typeof config>,
  halt: string,
  emit: Emit<typeof out>,
): void {
  const slot = slotOf(s, key);
  const open = openOf(s);
  const inUse = marginOf(s);
  const budget = Math.round(c.budget_usdt * 1e8);
  let gate: Values<typeof RiskVerdict>['gate'] = 'none';
  let reason = '';
  if (it.action !== 'enter') {
    // A stop that is reached while an exit is being worked passes, so that the router takes the rest at once.
    if (slot.exit !== '' && !it.urgent) [gate, reason] = ['in_flight', `exit ${slot.exit} is under way`];
  } else if (halt !== '') [gate, reason] = ['kill_switch', halt];
  else if (slot.unknown > 0)
    [gate, reason] = [
      'unknown_order',
      `${slot.unknown} order${slot.unknown > 1 ? 's are' : ' is'} UNKNOWN at the venue`,
    ];
  else if (slot.entry !== '') [gate, reason] = ['in_flight', `entry ${slot.entry} is under way`];
  else if (slot.manual > 0) [gate, reason] = ['in_flight', 'an order by hand is under way'];
  else if (slot.exit !== '') [gate, reason] = ['in_flight', `exit ${slot.exit} is under way`];
  else if (slot.held > 0 && it.reason !== 'add') [gate, reason] = ['in_flight', 'a position is open already'];
  else if (slot.held === 0 && open >= c.max_positions)
    [gate, reason] = ['concurrency', `${open} of ${c.max_positions} positions are taken`];
  else if (inUse + it.margin > budget) [gate, reason] = ['risk_budget', 'the margin budget is used up'];

  const allowed = gate === 'none';
  if (allowed) {
    if (it.action === 'enter') {
      slot.entry = it.id;
      slot.entryMargin = it.margin;
    } else if (slot.exit === '') slot.exit = it.id;
    emit.intent({
      key,
      id: it.id,
      action: it.action,
      side: it.side,
      qty: it.qty,
      ref_px: it.ref_px,
      margin: it.margin,
      stop_px: it.stop_px,
      target_px: it.target_px,
      urgent: it.urgent,
      rule: it.rule,
      reason: it.reason,
    });
  }
  emit.verdict({ key, intent_id: it.id, allowed, gate, reason, qty: it.qty, open, margin_in_use: inUse });
}
