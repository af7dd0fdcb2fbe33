import { z } from 'zod';
import { type ConfigIssue, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { OrderCommand, OrderReport, record, Scalar, type Schema } from '../../graph/schema/index.ts';
import { type Condition, condition } from './cel/condition.ts';
import { parseExpression } from './cel/expression.ts';
import { scopeOf } from './cel/scope.ts';
import { exactQty, marketOrder } from './market-order.ts';

const rule = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'lower-case letters, digits and _, at most 32'),
  when: z.string().min(1).describe('CEL over the connected features'),
  target: z.number().min(-1e9).max(1e9).describe('signed quantity to reach, in units of the base'),
});
const config = z.strictObject({
  rules: z.array(rule).min(1).max(16),
  warmup: z.int().min(1).default(1).describe('the first moment at which it may act'),
});
type Rules = z.output<typeof config>['rules'];

const out = { order: output(OrderCommand, { many: true }) };
interface State {
  moments: number;
  orders: number;
  /** Quantity held when all that was sent has been filled. */
  held: number;
}

export const target = defineNode({
  type: 'decision.target',
  version: 2,
  tier: 'gold',
  summary: 'The first rule that holds names a signed quantity, and a market order goes there.',
  doc: `For strategies that are always at a stated quantity, in backtests over candles. A moment is a cycle in which any of the
connected features ticks and all have had a value. The order is the difference to what is held; none when it is zero. With \`report\`
connected, what an order did not fill is not counted as held. There are no risk gates here: a strategy that trades for real
goes through decision.rules, position.sizing and position.gate.`,
  config,
  ports: {
    in: { report: input(OrderReport, { many: true, optional: true, doc: 'from the venue, as feedback' }) },
    rest: input(Scalar, { doc: 'features, under the names that the rules use' }),
    out,
  },
  determinism: 'pure',
  check(c, wiring) {
    const fields = Object.fromEntries(
      Object.entries(wiring.inputs)
        .filter(([name]) => name !== 'report')
        .map(([name, schema]: [string, Schema]) => [name, schema.fields['value']!]),
    );
    const scope = scopeOf(record('features', 1, fields));
    return c.rules.flatMap((r, i): ConfigIssue[] =>
      parseExpression(r.when, scope, 'bool').issues.map((x) => ({ ...x, path: ['rules', i, 'when'] })),
    );
  },
  /** The records of its ports have grown; the state is what it was. */
  migrate: (old): State => old as State,
  state: (): State => ({ moments: 0, orders: 0, held: 0 }),
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.report.n; i++) {
      const r = tick.report.at(i);
      if (r.exec !== 'rejected' && r.exec !== 'expired' && r.exec !== 'canceled') continue;
      const left = r.qty - r.cum_qty;
      s.held -= r.side === 'buy' ? left : -left;
    }
    const { rest } = tick;
    let moment = false;
    for (let i = 0; i < rest.length; i++) {
      const view = rest[i]! as unknown as { ticked: boolean; seen: boolean; value: number };
      if (!view.seen) return;
      if (view.ticked) moment = true;
    }
    if (!moment || ++s.moments < c.warmup) return;
    const row: Record<string, number> = {};
    for (let i = 0; i < rest.length; i++) row[ctx.rest[i]!] = (rest[i] as unknown as { value: number }).value;
    const conditions = conditionsOf(c.rules);
    for (let i = 0; i < conditions.length; i++) {
      if (!conditions[i]!.holds(row, NONE)) continue;
      reach(s, c.rules[i]!.id, exactQty(c.rules[i]!.target, ctx.key), emit, ctx.key.name, ctx.now);
      return;
    }
  },
});

const NONE = {};
const programs = new WeakMap<Rules, Condition[]>();
function conditionsOf(rules: Rules): Condition[] {
  let program = programs.get(rules);
  if (!program) {
    program = rules.map((r) => condition(r.when));
    programs.set(rules, program);
  }
  return program;
}

function reach(s: State, rule: string, to: number, emit: Emit<typeof out>, key: string, now: number): void {
  const delta = to - s.held;
  if (delta === 0) return;
  s.held = to;
  emit.order(marketOrder(key, now, s.orders++, rule, delta, false));
}
