import { z } from 'zod';
import type { ConfigIssue, Wiring } from '../../graph/node.ts';
import { Position } from '../position/records.ts';
import { constantOf, upperBound } from './cel/bound.ts';
import { type Expr, type ExprIssue, parseExpression, type Scope } from './cel/expression.ts';
import { scopeOf } from './cel/scope.ts';

/** Ranges of the whitelist [GOV.3]: beyond them a rule is refused by lint, and again at run time. */
export const SIZE_MULT_MAX = 5;

const cel = (what: string) => z.string().min(1).describe(`CEL over the features: ${what}`);
const side = z.enum(['buy', 'sell']);

const skipEntry = z.strictObject({
  action: z.literal('skip_entry'),
  side: z.enum(['both', 'buy', 'sell']).default('both').describe('entries that it stops'),
});
const sizeMult = z.strictObject({
  action: z.literal('size_mult'),
  factor: cel('what the size is multiplied with, 0 to 5; 0 skips the entry'),
});
const intent = z.strictObject({
  action: z.literal('intent'),
  intent: z.enum(['enter', 'add', 'exit', 'reduce']),
  side: side.optional().describe('of an entry; exits follow the position'),
  size_mult: z.number().min(0).max(SIZE_MULT_MAX).default(1).describe('of an entry, times the default size'),
  fraction: z.number().gt(0).lte(1).optional().describe('of the open position that a reduction closes'),
  stop: cel('price of the protective stop').optional(),
  target: cel('price of the target').optional(),
});
export const rule = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,31}$/, 'lower-case letters, digits and _, at most 32')
    .describe('stands in intents and verdicts'),
  do: z.discriminatedUnion('action', [skipEntry, sizeMult, intent]),
  when: cel('the condition'),
  doc: z.string().optional(),
});
export type Rule = z.output<typeof rule>;

/** The static checks of a list of rules against the connected features. */
export function checkRules(rules: readonly Rule[], wiring: Wiring): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const positioned = wiring.inputs['position'] !== undefined;
  const scope = scopeOf(wiring.inputs['features'], positioned ? { position: Position } : {});
  const ids = new Map<string, number>();
  rules.forEach((r, i) => {
    const at = ['rules', i] as const;
    if (ids.has(r.id))
      issues.push({
        code: 'CHM818',
        path: [...at, 'id'],
        message: `rule id "${r.id}" is used twice`,
        help: 'give each rule an id of its own',
      });
    ids.set(r.id, i);
    expression(issues, scope, positioned, [...at, 'when'], r.when, 'bool');
    const then = [...at, 'do'];
    if (r.do.action === 'size_mult') checkFactor(issues, scope, positioned, [...then, 'factor'], r.do.factor);
    if (r.do.action === 'intent') checkIntent(issues, scope, positioned, then, r.do);
  });
  return issues;
}

type Path = (string | number)[];

function checkFactor(issues: ConfigIssue[], scope: Scope, positioned: boolean, path: Path, text: string): void {
  const e = expression(issues, scope, positioned, path, text, 'number');
  if (!e) return;
  const value = constantOf(e);
  if (value !== undefined && !(value >= 0 && value <= SIZE_MULT_MAX))
    issues.push({
      code: 'CHM815',
      path,
      message: `a size multiplier is between 0 and ${SIZE_MULT_MAX}, this is ${value}`,
      help: 'use 0 to skip the entry',
    });
  else if (upperBound(e) > 1)
    issues.push({
      code: 'CHM816',
      path,
      severity: 'warning',
      message: value === undefined ? 'this factor can exceed 1' : `this factor is ${value}, above 1`,
      help: 'bound it with min(…, 1), or allow it with a reason',
    });
}

function checkIntent(
  issues: ConfigIssue[],
  scope: Scope,
  positioned: boolean,
  path: Path,
  then: Extract<Rule['do'], { action: 'intent' }>,
): void {
  const entry = then.intent === 'enter' || then.intent === 'add';
  if (!positioned && then.intent !== 'enter')
    issues.push({
      code: 'CHM819',
      path: [...path, 'intent'],
      message: `"${then.intent}" acts on an open position, and no position is connected`,
      help: 'connect `position:` to the position port of a position.tracker',
    });
  if (then.intent === 'enter' && !then.side)
    issues.push({ code: 'CHM817', path, message: 'an entry needs `side: buy` or `side: sell`' });
  if (then.intent === 'reduce' && then.fraction === undefined)
    issues.push({ code: 'CHM817', path, message: 'a reduction needs `fraction`', help: 'fraction: 0.5 closes half' });
  const surplus: [string, boolean][] = [
    ['side', then.side !== undefined && then.intent !== 'enter'],
    ['fraction', then.fraction !== undefined && then.intent !== 'reduce'],
    ['stop', then.stop !== undefined && !entry],
    ['target', then.target !== undefined && !entry],
  ];
  for (const [field, wrong] of surplus)
    if (wrong)
      issues.push({
        code: 'CHM817',
        path: [...path, field],
        message: `\`${field}\` has no meaning for "${then.intent}"`,
      });
  if (entry && then.size_mult > 1)
    issues.push({
      code: 'CHM816',
      path: [...path, 'size_mult'],
      severity: 'warning',
      message: `this entry has ${then.size_mult} times the default size`,
      help: 'use 1 or less, or allow it with a reason',
    });
  if (then.stop !== undefined) expression(issues, scope, positioned, [...path, 'stop'], then.stop, 'number');
  if (then.target !== undefined) expression(issues, scope, positioned, [...path, 'target'], then.target, 'number');
}

function expression(
  issues: ConfigIssue[],
  scope: Scope,
  positioned: boolean,
  path: Path,
  text: string,
  want: 'bool' | 'number',
): Expr | undefined {
  const parsed = parseExpression(text, scope, want);
  for (const issue of parsed.issues) issues.push({ ...unconnected(issue, text, positioned), path });
  return parsed.expr;
}

/** `position.…` without a position is a missing wire, not a misspelt feature. */
function unconnected(issue: ExprIssue, text: string, positioned: boolean): ExprIssue & { code: string } {
  const name = text.slice(issue.offset, issue.offset + issue.length);
  if (positioned || issue.code !== 'CHM811' || !name.startsWith('position.')) return issue;
  const { suggestion: _, ...rest } = issue;
  return Object.assign({}, rest, {
    code: 'CHM819' as const,
    message: `"${name}" is read, and no position is connected`,
    help: 'connect `position:` to the position port of a position.tracker',
  }) as unknown as ExprIssue & { code: string };
}
