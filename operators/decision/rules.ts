import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Intent, record, Vec } from '../../graph/schema/index.ts';
import { Position } from '../position/records.ts';
import type { Row } from './cel/compile.ts';
import type { Conjunct } from './cel/condition.ts';
import { GuardState, Verdict } from './records.ts';
import { checkRules, rule, SIZE_MULT_MAX } from './rule-config.ts';
import { type IntentRule, programOf } from './rule-program.ts';

/** Any record of features: which fields a rule may name is checked against the connected schema. */
const Features = record('features', 1, {});

const MAX_OPERANDS = 16;

/** What a moment came to; one object per instance, overwritten at each moment. */
interface Found {
  layer: 'none' | 'l0' | 'rules';
  outcome: 'hold' | 'skip' | 'enter' | 'add' | 'exit' | 'reduce';
  side: 'none' | 'buy' | 'sell';
  rule: string;
  gate: string;
  sizeMult: number;
  intentId: string;
  passed: number;
  of: number;
}
interface State {
  intents: number;
  values: Float64Array;
}

export const rules = defineNode({
  type: 'decision.rules',
  version: 1,
  tier: 'gold',
  summary: 'Rules in CEL over declared features: each decision moment becomes a verdict, and some an intent.',
  doc: `A decision moment is a tick of \`features\`. Its order: the L0 guards; then, with a position open, the rules that
exit, reduce or add; else the entry rules, the gates (\`skip_entry\`) and the factors (\`size_mult\`, multiplied).
A feature without a value never makes a rule act: a condition that reads one does not hold, and a gate or a factor that reads one
stops the entry. The first rule that holds acts. A blocked guard stops entries and adds before their rules are looked at; exits go on.

Every moment leaves exactly one verdict. For a moment without a trade it names the rule that came nearest to acting,
its first condition that failed, and the numbers that this condition read.`,
  examples: [
    {
      title: 'With the trend, stopped at two ATR, not in wide spreads',
      yaml: `chimera: 1
pipeline: rules
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  quotes: { type: silver.best, in: market.book_ticker, each: instrument }
  bars:   { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  fast:   { type: feature.ema, in: bars.bar.close, with: { period: 20 } }
  slow:   { type: feature.ema, in: bars.bar.close, with: { period: 50 } }
  atr:    { type: feature.atr, in: bars.bar }
  spread: { type: feature.spread_bp, in: quotes.best }
  features:
    type: feature.join
    in: { trigger: bars.bar, fast: fast.value, slow: slow.value, atr: atr.value, close: bars.bar.close, spread_bp: spread.value }
  rules:
    type: decision.rules
    in: { features: features.features }
    with:
      rules:
        - id: enter_long
          when: fast > slow
          do: { action: intent, intent: enter, side: buy, stop: close - 2 * atr }
        - id: wide_spread
          when: spread_bp > 2
          do: { action: skip_entry }
`,
    },
  ],
  config: z.strictObject({
    rules: z.array(rule).min(1).max(64),
  }),
  ports: {
    in: {
      features: input(Features, { doc: 'a record of features; its tick is the decision moment' }),
      guard: input(GuardState, { optional: true, passive: true, doc: 'L0' }),
      position: input(Position, { optional: true, passive: true }),
    },
    out: {
      intent: output(Intent),
      verdict: output(Verdict),
    },
  },
  determinism: 'pure',
  check: (c, wiring) => checkRules(c.rules, wiring),
  state: (): State => ({ intents: 0, values: new Float64Array(MAX_OPERANDS) }),
  step(s, tick, c, emit, ctx) {
    if (!tick.features.ticked) return;
    const program = programOf(c.rules);
    const features = tick.features as unknown as Row;
    const position = tick.position as unknown as Row;
    const side = tick.position.seen ? tick.position.side : 'flat';
    found.layer = 'none';
    found.outcome = 'hold';
    found.side = 'none';
    found.rule = '';
    found.gate = '';
    found.sizeMult = 1;
    found.intentId = '';
    found.passed = 0;
    found.of = 0;
    nearest = undefined;
    nearestLeft = Number.POSITIVE_INFINITY;

    const blocked = tick.guard.seen && tick.guard.blocked;
    let acted: IntentRule | undefined;
    if (side === 'flat' && blocked) {
      // Stopped before any rule is looked at [S3.4].
      found.layer = 'l0';
      found.gate = tick.guard.reasons;
    } else {
      // An open position is not entered again: entries wait for it to be flat, adding is a rule of its own.
      acted = first(side === 'flat' ? program.enter : program.manage, features, position, blocked ? 'add' : undefined);
      if (acted) {
        const entry = acted.intent === 'enter' || acted.intent === 'add';
        found.layer = 'rules';
        found.outcome = acted.intent;
        found.side = acted.side ?? ((side === 'short') === entry ? 'sell' : 'buy');
        found.sizeMult = acted.intent === 'reduce' ? acted.fraction : acted.sizeMult;
        if (entry && tick.guard.seen && (found.side === 'buy' ? tick.guard.block_long : tick.guard.block_short)) {
          found.layer = 'l0';
          acted = stopped(tick.guard.reasons, undefined);
        } else if (entry) acted = gates(program, acted, features, position);
      }
    }
    if (acted) {
      const stop = price(acted.stop, features, position, ctx.key.pxScale);
      const target = price(acted.target, features, position, ctx.key.pxScale);
      if (stop === REFUSED || target === REFUSED) stopped('price:not_a_price', nearest);
      else {
        found.intentId = `${ctx.key.name}/${ctx.node}/${ctx.now.toString(36)}-${(s.intents++).toString(36)}`;
        emit.intent({
          id: found.intentId,
          action: acted.intent === 'add' ? 'enter' : acted.intent,
          side: found.side === 'sell' ? 'sell' : 'buy',
          size_mult: found.sizeMult,
          stop_px: stop,
          target_px: target,
          rule: acted.id,
          reason: acted.intent,
        });
      }
    }
    const part = nearest as Conjunct | undefined;
    const n = part ? part.read(features, position, s.values) : 0;
    emit.verdict({
      layer: found.layer,
      outcome: found.outcome,
      side: found.side,
      rule: found.rule,
      gate: found.gate,
      condition: part ? part.text : '',
      operands: part ? part.operands(features, position) : '',
      values: new Vec(s.values, 0, n),
      texts: part ? part.texts(features, position) : '',
      passed: found.passed,
      of: found.of,
      size_mult: found.sizeMult,
      intent_id: found.intentId,
    });
  },
});

// Scratch of one step: steps run one at a time, and nothing in it outlives its step.
const found: Found = {
  layer: 'none',
  outcome: 'hold',
  side: 'none',
  rule: '',
  gate: '',
  sizeMult: 1,
  intentId: '',
  passed: 0,
  of: 0,
};
let nearest: Conjunct | undefined;
let nearestLeft = Number.POSITIVE_INFINITY;

/** The first rule that holds. On the way it remembers the one that came nearest to it: the fewest parts left to hold. */
function first(
  list: readonly IntentRule[],
  features: Row,
  position: Row,
  without: IntentRule['intent'] | undefined,
): IntentRule | undefined {
  for (let i = 0; i < list.length; i++) {
    const r = list[i]!;
    if (r.intent === without) continue;
    const parts = r.when.conjuncts;
    let held = 0;
    while (held < parts.length && holds(parts[held]!, features, position)) held++;
    if (held === parts.length) {
      nearest = r.when.whole;
      found.rule = r.id;
      found.passed = held;
      found.of = parts.length;
      return r;
    }
    if (parts.length - held < nearestLeft) {
      nearestLeft = parts.length - held;
      nearest = parts[held]!;
      found.rule = r.id;
      found.passed = held;
      found.of = parts.length;
    }
  }
  return undefined;
}

/** A part that reads something without a value does not hold, whatever it says. */
const holds = (part: Conjunct, features: Row, position: Row): boolean =>
  part.holds(features, position) && !part.missing(features, position);

/** The gates and factors on an entry; what stops it is noted in `found`. */
function gates(
  program: ReturnType<typeof programOf>,
  acted: IntentRule,
  features: Row,
  position: Row,
): IntentRule | undefined {
  for (let i = 0; i < program.skip.length; i++) {
    const g = program.skip[i]!;
    if (g.side !== 'both' && g.side !== found.side) continue;
    // What the gate cannot see it does not let through.
    if (g.when.whole.missing(features, position)) return stopped(`${g.id}:missing`, g.when.whole);
    if (g.when.holds(features, position)) return stopped(g.id, g.when.whole);
  }
  for (let i = 0; i < program.scale.length; i++) {
    const g = program.scale[i]!;
    if (g.when.whole.missing(features, position)) return stopped(`${g.id}:missing`, g.when.whole);
    if (!g.when.holds(features, position)) continue;
    const factor = g.factor(features, position);
    // The whitelist of ranges holds at run time too: a factor outside of it is a fault of the rule, not a size.
    if (!(factor >= 0 && factor <= SIZE_MULT_MAX)) return stopped(`${g.id}:out_of_range`, g.when.whole);
    found.sizeMult *= factor;
    if (found.sizeMult === 0) return stopped(g.id, g.when.whole);
  }
  return found.sizeMult > SIZE_MULT_MAX || found.sizeMult === 0 ? stopped('size_mult:out_of_range', nearest) : acted;
}

function stopped(gate: string, by: Conjunct | undefined): undefined {
  found.outcome = 'skip';
  found.gate = gate;
  nearest = by;
  return undefined;
}

const REFUSED = -1;
/** A price in the instrument's decimals; NaN when the rule gives none, REFUSED when it is no price. */
function price(of: IntentRule['stop'], features: Row, position: Row, scale: number): number {
  if (!of) return Number.NaN;
  const px = Math.round(of(features, position) * scale);
  return px > 0 && px <= Number.MAX_SAFE_INTEGER ? px : REFUSED;
}
