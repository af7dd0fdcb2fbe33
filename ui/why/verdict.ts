import type { Row } from '../../operators/decision/cel/compile.ts';
import { variables } from '../../operators/decision/cel/condition.ts';
import { type Expr, parseExpression, sourceOf } from '../../operators/decision/cel/expression.ts';
import type { Rule } from '../../operators/decision/rule-config.ts';
import type { Condition, Verdict } from '../api/contract/records.ts';
import { decide, outcomeOf } from './decide.ts';
import { evaluate, numericLeaves } from './evaluate.ts';
import { type Flip, type FoundFlip, flipBy, flipOf } from './flip.ts';
import type { DecisionMoment } from './moment.ts';

/** A decision in a list: what came of it and what stopped it, without the tree. */
export function shortVerdict(m: DecisionMoment): Verdict {
  const v = m.verdict;
  const layer = String(v['layer'] ?? 'none');
  const gate = String(v['gate'] ?? '');
  const condition = String(v['condition'] ?? '');
  const names = String(v['operands'] ?? '');
  const values = (v['values'] ?? []) as readonly number[];
  const operands = Object.fromEntries(names === '' ? [] : names.split(',').map((n, i) => [n, shown(values[i])]));
  const acted = ACTED.has(String(v['outcome']));
  return {
    ...headOf(m),
    layers: [
      {
        layer,
        passed: acted,
        reason: gate !== '' ? gate : String(v['rule'] ?? '') || null,
        conditions: condition === '' ? [] : [{ expression: condition, held: acted, operands, flip: null, of: [] }],
      },
    ],
  };
}
const ACTED = new Set(['enter', 'add', 'exit', 'reduce']);
const headOf = (m: DecisionMoment) => ({
  at_us: m.at_us,
  cycle: m.cycle,
  node: m.node,
  key: m.key,
  decision: outcomeOf(m.verdict),
  intents: m.verdict['intent_id'] ? [{ id: m.verdict['intent_id'], rule: m.verdict['rule'] }] : [],
});

/** The whole answer to why, and why not: every rule with its conditions, operands and what would have turned each round. */
export function toVerdict(m: DecisionMoment, rules: readonly Rule[]): Verdict {
  const flat = (m.position?.['side'] ?? 'flat') === 'flat';
  const guard = m.guard;
  const asked = rules.map((r) => ({ rule: r, layer: layerOf(r), asked: layerOf(r) !== (flat ? 'manage' : 'enter') }));
  const blocked = guard !== null && guard['blocked'] === true;
  const gate = String(m.verdict['gate'] ?? '');
  const acted = ACTED.has(String(m.verdict['outcome']));
  const layer = (name: 'enter' | 'manage' | 'gates') =>
    asked.filter((a) => a.layer === name && a.asked).map((a) => conditionOf(a.rule, m));
  const wanted = [...layer('enter'), ...layer('manage')];
  const gates = layer('gates');
  return {
    ...headOf(m),
    layers: [
      {
        layer: 'l0',
        passed: !(flat && blocked) && m.verdict['layer'] !== 'l0',
        reason: guard === null ? null : String(guard['reasons'] ?? '') || null,
        conditions: guardsOf(guard),
      },
      {
        layer: 'rules',
        passed: wanted.some((c) => c.held),
        reason: String(m.verdict['rule'] ?? '') || null,
        conditions: wanted,
      },
      {
        layer: 'gates',
        passed: acted || gate === '',
        reason: gate === '' ? null : gate,
        conditions: gates,
      },
    ],
    flip: decisionFlip(m, rules),
  };
}

type LayerName = 'enter' | 'manage' | 'gates';
const layerOf = (r: Rule): LayerName =>
  r.do.action !== 'intent' ? 'gates' : r.do.intent === 'enter' ? 'enter' : 'manage';

function guardsOf(guard: DecisionMoment['guard']): Condition[] {
  if (guard === null) return [];
  const named = ['blocked', 'block_long', 'block_short'].filter((n) => n in guard);
  return named.map((n) => ({
    expression: `!guard.${n}`,
    held: guard[n] !== true,
    operands: { [`guard.${n}`]: guard[n], 'guard.reasons': guard['reasons'] ?? '' },
    flip: null,
    of: [],
  }));
}

const parsed = new Map<string, Expr>();
/** Rules are few and asked for often. */
function exprOf(text: string): Expr {
  let e = parsed.get(text);
  if (!e) {
    e = parseExpression(text, undefined, 'bool').expr;
    if (!e) throw new Error('a rule that runs does not parse');
    if (parsed.size > 5000) parsed.clear();
    parsed.set(text, e);
  }
  return e;
}

function conditionOf(rule: Rule, m: DecisionMoment): Condition {
  const { features: f } = m;
  const p = m.position ?? NONE;
  const e = exprOf(rule.when);
  // Of a gate that holds one wants to know what would have let it through; of all others what would have made them hold.
  const root = tree(rule.when, e, f, p, rule.do.action === 'intent');
  return { ...root, rule: rule.id };
}

/** Conjunctions and disjunctions as trees, comparisons as leaves. */
function tree(text: string, e: Expr, f: Row, p: Row, wanted: boolean): Condition {
  const missing = variables(e).some((v) => Number.isNaN(evaluate(v, f, p) as number));
  const held = Boolean(evaluate(e, f, p)) && !missing;
  const inner = e.op === '&&' || e.op === '||' || e.op === '!' ? split(e) : [];
  const of = inner.map((x) => tree(text, x, f, p, e.op === '!' ? !wanted : wanted));
  const flip = missing || held === wanted ? null : flipFor(text, e, f, p, of);
  return {
    expression: sourceOf(text, e),
    held,
    operands: Object.fromEntries(variables(e).map((v) => [sourceOf(text, v), shown(evaluate(v, f, p))])),
    flip,
    of,
  };
}
function flipFor(text: string, e: Expr, f: Row, p: Row, of: readonly Condition[]): Flip | null {
  // One change cannot mend two parts, unless they read the same operand: a search over all constants would be in vain.
  const failing = of.filter((c) => !c.held).length;
  if (e.op === '&&' && failing > 1) return null;
  return flipOf(text, e, f, p);
}
const split = (e: Expr & { args: readonly Expr[] }): Expr[] =>
  e.args.flatMap((a) => (a.op === e.op && (a.op === '&&' || a.op === '||') ? split(a) : [a]));

/**
 * The change of one constant or operand of one rule that gives another decision. It is tried out with the rules themselves: a rule
 * that would hold and is overruled by another one is no answer.
 */
function decisionFlip(m: DecisionMoment, rules: readonly Rule[]): NonNullable<Verdict['flip']> | null {
  const now = outcomeOf(decide(rules, m).verdict);
  const p = m.position ?? NONE;
  const found: (FoundFlip & { i: number; rank: number })[] = [];
  for (const [i, rule] of rules.entries()) {
    const e = exprOf(rule.when);
    if (variables(e).some((v) => Number.isNaN(evaluate(v, m.features, p) as number))) continue;
    if (conjunctsOf(e).filter((x) => !evaluate(x, m.features, p)).length > 1) continue;
    for (const leaf of numericLeaves(e, m.features, p)) {
      const flip = flipBy(rule.when, e, m.features, p, leaf);
      // What an author can change comes before what the market would have had to do.
      if (flip) found.push({ ...flip, i, rank: flip.kind === 'constant' ? flip.size : flip.size + OPERANDS_LAST });
    }
  }
  for (const { i, rank: _, size: _size, leaf, ...flip } of found.sort((a, b) => a.rank - b.rank).slice(0, MOST_TRIES)) {
    const changed = apply(rules, i, m, leaf, flip.to);
    const decision = outcomeOf(decide(changed.rules, changed.moment).verdict);
    if (decision !== now) return { rule: rules[i]!.id, ...flip, decision };
  }
  return null;
}
const OPERANDS_LAST = 1e9;
/** Each try compiles the rules anew. */
const MOST_TRIES = 8;
const conjunctsOf = (e: Expr): Expr[] => (e.op === '&&' ? [...conjunctsOf(e.args[0]), ...conjunctsOf(e.args[1])] : [e]);

/** Rules and moment with one leaf changed. */
function apply(
  rules: readonly Rule[],
  i: number,
  m: DecisionMoment,
  leaf: Expr,
  to: number,
): { rules: readonly Rule[]; moment: DecisionMoment } {
  if (leaf.op !== 'variable') {
    const when = withConstant(rules[i]!.when, [leaf.start, leaf.end], to);
    return { rules: rules.map((r, j) => (j === i ? { ...r, when } : r)), moment: m };
  }
  return { rules, moment: withOperand(m, leaf.root, leaf.name, to) };
}
/** The text of a condition with another constant. */
export const withConstant = (when: string, [start, end]: readonly [number, number], to: number): string =>
  `${when.slice(0, start)}${numberText(to)}${when.slice(end)}`;
export const withOperand = (m: DecisionMoment, root: string, name: string, to: number): DecisionMoment =>
  root === '' ? { ...m, features: { ...m.features, [name]: to } } : { ...m, position: { ...m.position, [name]: to } };
/** CEL has no sign in numbers: a negative one is put into brackets. */
const numberText = (x: number): string => (x < 0 || Object.is(x, -0) ? `(${x})` : String(x));

const NONE: Row = Object.freeze({});
const shown = (v: unknown): unknown => (typeof v === 'number' && !Number.isFinite(v) ? null : v);
