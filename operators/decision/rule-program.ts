import type { Compiled } from './cel/compile.ts';
import { type Condition, condition, numeric } from './cel/condition.ts';
import type { Rule } from './rule-config.ts';

type IntentAction = Extract<Rule['do'], { action: 'intent' }>;

/** A rule that makes an intent. */
export interface IntentRule {
  readonly id: string;
  readonly when: Condition;
  readonly intent: IntentAction['intent'];
  readonly side: 'buy' | 'sell' | undefined;
  readonly sizeMult: number;
  readonly fraction: number;
  readonly stop: Compiled<number> | undefined;
  readonly target: Compiled<number> | undefined;
}
/** The rules by what they do, each group in the order of the document. */
export interface Program {
  readonly enter: readonly IntentRule[];
  /** Exits, reductions and adds: what may be done while a position is open. */
  readonly manage: readonly IntentRule[];
  readonly skip: readonly { readonly id: string; readonly when: Condition; readonly side: 'both' | 'buy' | 'sell' }[];
  readonly scale: readonly { readonly id: string; readonly when: Condition; readonly factor: Compiled<number> }[];
}

const programs = new WeakMap<readonly Rule[], Program>();
let lastRules: readonly Rule[] | undefined;
let lastProgram: Program | undefined;

/** The compiled form of a list of rules; compiled once per configuration object. */
export function programOf(rules: readonly Rule[]): Program {
  // A run has few configurations and asks millions of times: the same one as before needs no look-up.
  if (rules === lastRules) return lastProgram!;
  let program = programs.get(rules);
  if (!program) {
    program = build(rules);
    programs.set(rules, program);
  }
  lastRules = rules;
  lastProgram = program;
  return program;
}

function build(rules: readonly Rule[]): Program {
  const enter: IntentRule[] = [];
  const manage: IntentRule[] = [];
  const skip: Program['skip'][number][] = [];
  const scale: Program['scale'][number][] = [];
  for (const { id, when: text, do: then } of rules) {
    const when = condition(text);
    if (then.action === 'skip_entry') skip.push({ id, when, side: then.side });
    else if (then.action === 'size_mult') scale.push({ id, when, factor: numeric(then.factor) });
    else
      (then.intent === 'enter' ? enter : manage).push({
        id,
        when,
        intent: then.intent,
        side: then.side,
        sizeMult: then.size_mult,
        fraction: then.fraction ?? 1,
        stop: then.stop === undefined ? undefined : numeric(then.stop),
        target: then.target === undefined ? undefined : numeric(then.target),
      });
  }
  return { enter, manage, skip, scale };
}
