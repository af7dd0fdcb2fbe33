import { z } from 'zod';
import { type ConfigIssue, type Ctx, defineNode, type Emit, input, output, type Wiring } from '../../graph/node.ts';
import { type Field, f64, OrderCommand, OrderReport, record, Scalar, type Values } from '../../graph/schema/index.ts';
import type { Compiled } from './cel/compile.ts';
import { type Condition, condition, numeric } from './cel/condition.ts';
import { parseExpression } from './cel/expression.ts';
import { scopeOf } from './cel/scope.ts';
import { exactQty, marketOrder, orderId } from './market-order.ts';

const config = z.strictObject({
  side: z.enum(['buy', 'sell']).default('buy'),
  when: z.string().min(1).describe('CEL over the connected features: enter'),
  qty: z.number().positive().describe('in units of the base'),
  stop: z.string().min(1).describe('CEL over the features of the entry and `entry`, its price'),
  target: z.string().min(1).describe('as `stop`'),
});
type Config = z.output<typeof config>;
const out = { order: output(OrderCommand, { many: true }) };

interface State {
  orders: number;
  held: number;
  /** An entry is out: its id. */
  entry: string;
  /** Features of the moment of entry, in the order of the inputs. */
  row: Float64Array;
  /** Engine time of the last moment. */
  momentUs: number;
}

export const bracket = defineNode({
  type: 'decision.bracket',
  version: 2,
  tier: 'gold',
  summary:
    'One position at a time: entered at the market by a rule, left at a stop or a target around its entry price.',
  doc: `A moment is a cycle in which any of the connected features ticks and all have had a value. When flat and \`when\` holds, a market order.
Its fill puts a close-position stop and a close-position target to the venue, together, at prices made of the features of the
entry and \`entry\`, the fill price. On the price step the stop is rounded away from the market and the target too, so that a
candle reaches the rounded price exactly when it reaches the exact one. When a position is closed at the very time of a moment
(the venue looks at a candle after the strategy has), that moment is decided then. There are no risk gates here.`,
  config,
  ports: {
    in: { report: input(OrderReport, { many: true, doc: 'from the venue, as feedback' }) },
    rest: input(Scalar, { doc: 'features, under the names that the expressions use' }),
    out,
  },
  determinism: 'pure',
  check(c, wiring) {
    const issues: ConfigIssue[] = [];
    const check = (field: 'when' | 'stop' | 'target', want: 'bool' | 'number', entry: boolean) => {
      const parsed = parseExpression(c[field], scopeOf(record('features', 1, fieldsOf(wiring, entry))), want);
      for (const x of parsed.issues) issues.push({ ...x, path: [field] });
    };
    check('when', 'bool', false);
    check('stop', 'number', true);
    check('target', 'number', true);
    return issues;
  },
  /** The records of its ports have grown; the state is what it was. */
  migrate: (old): State => old as State,
  state: (): State => ({ orders: 0, held: 0, entry: '', row: new Float64Array(64), momentUs: -1 }),
  step(s, tick, c, emit, ctx) {
    const before = s.held;
    for (let i = 0; i < tick.report.n; i++) onReport(s, tick.report.at(i), c, emit, ctx);
    const { rest } = tick;
    let moment = before !== 0 && s.held === 0 && s.momentUs === ctx.now;
    let all = true;
    for (let i = 0; i < rest.length; i++) {
      const view = rest[i]! as { ticked: boolean; seen: boolean };
      if (!view.seen) all = false;
      if (view.ticked) {
        s.momentUs = ctx.now;
        moment = true;
      }
    }
    if (!moment || !all || s.held !== 0 || s.entry !== '') return;
    for (let i = 0; i < rest.length; i++) s.row[i] = (rest[i] as unknown as { value: number }).value;
    if (!programOf(c).when.holds(rowOf(s, ctx, 0), NONE)) return;
    const qty = exactQty(c.qty, ctx.key);
    const order = marketOrder(ctx.key.name, ctx.now, s.orders++, 'bracket', c.side === 'buy' ? qty : -qty, false);
    s.entry = order.client_id;
    emit.order(order);
  },
});

function fieldsOf(wiring: Wiring, entry: boolean): Record<string, Field> {
  const fields: Record<string, Field> = entry ? { entry: f64() } : {};
  for (const [name, schema] of Object.entries(wiring.inputs))
    if (name !== 'report') fields[name] = schema.fields['value']!;
  return fields;
}

const NONE = {};
const programs = new WeakMap<Config, { when: Condition; stop: Compiled<number>; target: Compiled<number> }>();
function programOf(c: Config) {
  let p = programs.get(c);
  if (!p) {
    p = { when: condition(c.when), stop: numeric(c.stop), target: numeric(c.target) };
    programs.set(c, p);
  }
  return p;
}
function rowOf(s: State, ctx: Ctx, entry: number): Record<string, number> {
  const row: Record<string, number> = { entry };
  for (let i = 0; i < ctx.rest.length; i++) row[ctx.rest[i]!] = s.row[i]!;
  return row;
}

function onReport(
  s: State,
  r: Readonly<Values<typeof OrderReport>>,
  c: Config,
  emit: Emit<typeof out>,
  ctx: Ctx,
): void {
  if (r.exec === 'trade') s.held += r.side === 'buy' ? r.last_qty : -r.last_qty;
  if (r.client_id !== s.entry || r.exec === 'new' || (r.exec === 'trade' && r.status !== 'filled')) return;
  s.entry = '';
  if (s.held === 0) return;
  const long = s.held > 0;
  const scale = ctx.key.pxScale;
  const row = rowOf(s, ctx, r.cum_quote / r.cum_qty / scale);
  const { stop, target } = programOf(c);
  close(s, 'stop_market', outward(stop(row, NONE) * scale, !long), emit, ctx);
  close(s, 'take_profit_market', outward(target(row, NONE) * scale, long), emit, ctx);
}

const outward = (px: number, up: boolean): number => Math.max(1, up ? Math.ceil(px) : Math.floor(px));

function close(
  s: State,
  type: 'stop_market' | 'take_profit_market',
  px: number,
  emit: Emit<typeof out>,
  ctx: Ctx,
): void {
  emit.order({
    action: 'place',
    client_id: orderId(ctx.key.name, ctx.now, s.orders++),
    side: s.held > 0 ? 'sell' : 'buy',
    type,
    tif: 'gtc',
    qty: 0,
    px: Number.NaN,
    stop_px: px,
    working: 'last',
    reduce_only: false,
    close_position: true,
    intent_id: 'bracket',
    origin: 'exit',
  });
}
