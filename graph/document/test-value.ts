import { type Field, isNumberField, type NumberKind } from '../schema/index.ts';
import { parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import { listing, type Report } from './report.ts';
import { parseIso } from './test-time.ts';
import type { TestInstrument } from './tests.ts';
import { describe, type Entry, isUnresolved, type Tree, valueSpan } from './tree.ts';

/**
 * A field's value in a test. Exact amounts (px, qty, quote, money) are plain decimals in units, as text ('100.5'): the
 * runner scales them by the instrument's digits. int, ms, us and f64 are numbers, `null` is 'no value', lists hold
 * either kind.
 */
export type TestValue = string | number | boolean | null | readonly (string | number)[];

type Decimals = { readonly most: number; readonly of: string } | undefined;

/** Reads one field; CHM152 and undefined when the value does not fit it. */
export function readTestValue(
  entry: Entry,
  field: Field,
  instrument: TestInstrument | undefined,
  startUs: number,
  report: Report,
): TestValue | undefined {
  const { key: name, value: tree } = entry;
  if (isUnresolved(tree)) return undefined;
  const span = valueSpan(entry);
  const wrong = (what: string, help?: string, suggestion?: string): undefined => {
    report.add('CHM152', span, `\`${name}\` must be ${what}, not ${describe(tree)}`, { help, suggestion });
    return undefined;
  };
  const value = tree.kind === 'scalar' ? tree.value : undefined;
  switch (field.kind) {
    case 'bool':
      return typeof value === 'boolean' ? value : wrong('true or false');
    case 'text':
      return tree.kind === 'scalar' && value !== null ? String(value) : wrong('text');
    case 'oneOf':
      if (typeof value === 'string' && field.values.includes(value)) return value;
      return wrong(
        `one of ${listing(field.values)}`,
        undefined,
        typeof value === 'string' ? nearest(value, field.values) : undefined,
      );
    case 'list': {
      if (tree.kind !== 'seq') return wrong(`a list of ${field.of}`);
      const items: (string | number)[] = [];
      for (const item of tree.items) {
        const v = readNumber(item, field.of, instrument, startUs);
        if (v instanceof Misfit) {
          report.add('CHM152', item.span, `\`${name}\` must hold ${v.expected}, not ${describe(item)}`, {
            help: v.help,
          });
          return undefined;
        }
        items.push(v);
      }
      return items;
    }
    default: {
      if (tree.kind === 'scalar' && value === null)
        return isNumberField(field) && field.nullable ? null : wrong(`a ${field.kind}`, 'the field is not nullable');
      const v = readNumber(tree, field.kind, instrument, startUs);
      return v instanceof Misfit ? wrong(v.expected, v.help) : v;
    }
  }
}

class Misfit {
  readonly expected: string;
  readonly help: string | undefined;
  constructor(expected: string, help?: string) {
    this.expected = expected;
    this.help = help;
  }
}

function readNumber(
  tree: Tree,
  kind: NumberKind,
  instrument: TestInstrument | undefined,
  startUs: number,
): string | number | Misfit {
  const value = tree.kind === 'scalar' ? tree.value : undefined;
  switch (kind) {
    case 'f64':
      return typeof value === 'number' && Number.isFinite(value) ? value : new Misfit('a number');
    case 'int':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : new Misfit('a whole number');
    case 'ms':
    case 'us': {
      const unit = kind === 'ms' ? 1000 : 1;
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
      const us = typeof value === 'string' ? (parseIso(value) ?? offset(value, startUs)) : undefined;
      if (us !== undefined && us % unit === 0) return us / unit;
      return new Misfit(
        `a time in ${kind}`,
        `a whole number of ${kind} since the epoch, an ISO time, or an offset from the start (\`5s\`)`,
      );
    }
    default: {
      const text =
        typeof value === 'number'
          ? decimal(value)
          : typeof value === 'string' && DECIMAL.test(value)
            ? value
            : undefined;
      if (text === undefined) return new Misfit('an amount', 'a decimal in units, such as 100.5');
      const limit = decimals(kind, instrument);
      const digits = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
      if (limit && digits > limit.most)
        return new Misfit(`an amount with at most ${limit.most} decimals`, `${limit.of} has ${limit.most} decimals`);
      return text;
    }
  }
}

const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
/** Shortest plain decimal of a double; undefined for what has none. */
function decimal(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  const text = String(value);
  if (DECIMAL.test(text)) return text;
  const fixed = value.toFixed(20).replace(/\.?0+$/, '');
  return DECIMAL.test(fixed) && Number(fixed) === value ? fixed : undefined;
}

function decimals(kind: NumberKind, instrument: TestInstrument | undefined): Decimals {
  if (kind === 'money') return { most: 8, of: 'money' };
  if (!instrument) return undefined;
  const { key, pxDigits, qtyDigits } = instrument;
  const most = kind === 'px' ? pxDigits : kind === 'qty' ? qtyDigits : pxDigits + qtyDigits;
  return { most, of: key };
}

function offset(text: string, startUs: number): number | undefined {
  const us = parseDuration(text);
  return us === undefined ? undefined : startUs + us;
}
