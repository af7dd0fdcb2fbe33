import { bool, f64, int, list, oneOf, record, text } from '../../graph/schema/index.ts';

/** State of the L0 guards of one instrument. They block new risk only; exits and protective orders go on. */
export const GuardState = record('guard_state', 1, {
  blocked: bool('no entry on either side'),
  block_long: bool(),
  block_short: bool(),
  mask: int({ doc: 'one bit per reason, in the order of the guard list' }),
  reasons: text('names of the reasons, comma-separated; empty when nothing blocks'),
});

/** Loss of the running UTC day over the whole account. */
export const DailyLoss = record('daily_loss', 1, {
  blocked: bool(),
  result: f64({ unit: 'USDT', doc: 'realised result of the day after fees and funding' }),
});

/**
 * One row per decision moment, for trades and non-trades: which layer decided, by which rule, on which values.
 * `condition` is the decisive part of a rule: the first one that failed, or the whole condition when it held.
 */
export const Verdict = record('verdict', 1, {
  layer: oneOf('none', 'l0', 'rules', 'risk'),
  outcome: oneOf('hold', 'skip', 'enter', 'add', 'exit', 'reduce'),
  side: oneOf('none', 'buy', 'sell'),
  rule: text('the rule that wanted to act, or came nearest to it'),
  gate: text('what stopped it: a rule, a guard or a risk gate'),
  condition: text(),
  operands: text('numbers that the condition reads, comma-separated'),
  values: list('f64', 'their values now, in the same order'),
  texts: text('texts that the condition reads, as name=value'),
  passed: int({ doc: 'parts of the rule that held' }),
  of: int({ doc: 'parts of the rule' }),
  size_mult: f64(),
  intent_id: text('the intent that came of it; empty for non-trades'),
});
