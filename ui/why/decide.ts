import { Vec } from '../../graph/schema/index.ts';
import type { Rule } from '../../operators/decision/rule-config.ts';
import { rules as rulesNode } from '../../operators/decision/rules.ts';
import type { DecisionInputs } from './moment.ts';

export interface Decided {
  /** The row of the port `verdict`; lists as arrays. */
  readonly verdict: Readonly<Record<string, unknown>>;
  readonly intents: readonly Readonly<Record<string, unknown>>[];
}

/** Prices of intents are integers with so many decimals: a decision does not depend on it beyond "is a price". */
const DIGITS = 8;

/** What the rules make of a moment: the very step of `decision.rules`, on values instead of ports. */
export function decide(rules: readonly Rule[], moment: DecisionInputs): Decided {
  const state = { intents: 0, values: new Float64Array(64) };
  const intents: Record<string, unknown>[] = [];
  let verdict: Record<string, unknown> = {};
  const emit = {
    intent: (v: object) => void intents.push({ ...v }),
    verdict: (v: object) => {
      verdict = Object.fromEntries(Object.entries(v).map(([k, x]) => [k, x instanceof Vec ? x.toArray() : x]));
    },
  };
  const view = (values: Readonly<Record<string, unknown>> | null) => ({
    ...values,
    seen: values !== null,
    ticked: values !== null,
    time: 0,
  });
  const tick = {
    features: view(moment.features),
    position: view(moment.position),
    guard: view(moment.guard),
    rest: [],
  };
  const ctx = { node: moment.node, now: 0, key: { name: moment.key ?? '', pxScale: 10 ** DIGITS } };
  rulesNode.step(state as never, tick as never, { rules } as never, emit as never, ctx as never);
  return { verdict, intents };
}

/** A decision in short: what two decisions have to have in common to be the same one. */
export const outcomeOf = (v: Readonly<Record<string, unknown>>): string =>
  `${v['outcome']}${v['side'] === 'none' || v['outcome'] === 'hold' ? '' : ` ${v['side']}`}`;
