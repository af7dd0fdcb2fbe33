import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of decision, position and routing node types: findings of lint, and refusals at run time. */
export const CODES = {
  CHM810: {
    title: 'not a CEL expression',
    text: 'A rule expression does not parse. Expressions are CEL: comparisons, arithmetic, && || ! ?: in, min(), max(), abs(), literals and the declared features. The position inside the expression is given.',
  },
  CHM811: {
    title: 'unknown feature in an expression',
    text: 'An expression names something that is neither a field of the connected features nor a field of `position`. Only what the graph declares can be used; the message names the nearest declared one.',
  },
  CHM812: {
    title: 'wrong type in an expression',
    text: 'An operator or function is given a value of a type it does not take, or the expression as a whole has another type than its place needs (a condition must be a truth value, a price or a factor a number).',
  },
  CHM813: {
    title: 'operator or function not on the whitelist',
    text: 'Expressions may use comparison, + - * /, && || ! ?:, `in` with a list of literals, min, max and abs. Everything else that CEL knows (maps, macros, string functions, modulo, optional values) is refused, so that a rule is always a total, side-effect-free function of the features.',
  },
  CHM814: {
    title: 'value that a feature can never have',
    text: 'An expression compares a feature that takes one of a fixed list of texts with a text that is not on the list: it would always be false.',
  },
  CHM815: {
    title: 'action out of its whitelisted range',
    text: 'An action of a rule, or a number in it, lies outside what is allowed. Ranges are part of the whitelist: size multipliers from 0 to 5, fractions from 0 to 1.',
  },
  CHM816: {
    title: 'rule can raise the size above the default',
    text: 'A rule can give a size multiplier above 1, so that a position may be larger than the default margin. That is allowed, but it is always pointed out.',
  },
  CHM817: {
    title: 'action lacks or must not have a field',
    text: 'An action of a rule needs a field that is not there (an entry needs `side`), or has one that means nothing for it.',
  },
  CHM818: {
    title: 'two rules share an id',
    text: 'Rule ids stand in intents, verdicts and reports, so each must be used once.',
  },
  CHM819: {
    title: 'position used but not connected',
    text: 'An expression reads `position.…`, or a rule acts on an open position, but the node has no `position` input. Connect the `position` port of a position.tracker.',
  },
  CHM820: {
    title: 'quantity finer than the instrument allows',
    text: 'A strategy asks for a quantity that the decimals of the instrument cannot express. It is never rounded silently: choose a multiple of the lot.',
  },
} satisfies CodeTable;
