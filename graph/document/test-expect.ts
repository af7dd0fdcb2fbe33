import { nearest } from './nearest.ts';
import { checkKeys } from './shape.ts';
import { listOf, mapOf, type Port, stringOf, type TestContext } from './test-context.ts';
import { readTime } from './test-time.ts';
import type { Expectation, ExpectedFinding, ExpectedRow } from './test-types.ts';
import { describe, type Entry, entryOf, type Tree, valueSpan } from './tree.ts';

const MODES = ['exact', 'contains', 'unordered', 'approx', 'count', 'none'] as const;

export function readExpect(context: TestContext, entry: Entry | undefined): Expectation[] {
  const list: Expectation[] = [];
  for (const e of mapOf(entry, 'expect', context.report)?.entries ?? []) {
    const port = context.port(e.key, e.keySpan);
    const found = port && readExpectation(context, e, port);
    if (found) list.push(found);
  }
  return list;
}

function readExpectation(context: TestContext, e: Entry, port: Port): Expectation | undefined {
  const report = context.report;
  const base = {
    node: port.node.id,
    port: port.port,
    rows: [] as ExpectedRow[],
    count: 0,
    tolerance: 0,
    ...e.keySpan.source.position(e.keySpan.start),
  };
  const { value } = e;
  const help =
    'write a list of rows, `none`, or one of `{ contains: […] }`, `{ unordered: […] }`, `{ approx: […], tolerance: 1e-9 }`, `{ count: 3 }`';
  if (value.kind === 'seq') return { ...base, mode: 'exact', rows: readRows(context, value.items, port) };
  if (value.kind === 'scalar') {
    if (value.value === 'none') return { ...base, mode: 'none' };
    report.add('CHM156', valueSpan(e), `${describe(value)} is no expectation`, {
      help,
      suggestion: typeof value.value === 'string' ? nearest(value.value, ['none']) : undefined,
    });
    return undefined;
  }
  const known = checkKeys(value, [...MODES, 'tolerance'], 'an expectation', report);
  const chosen = known.entries.filter((x) => (MODES as readonly string[]).includes(x.key));
  if (chosen.length !== 1) {
    if (chosen.length > 1 || known.entries.length === 0)
      report.add(
        'CHM156',
        chosen[1]?.keySpan ?? e.keySpan,
        chosen.length > 1 ? 'an expectation has one form' : 'an empty expectation',
        { help },
      );
    return undefined;
  }
  const form = chosen[0]!;
  const mode = form.key as (typeof MODES)[number];
  if (mode === 'count') {
    const n = form.value.kind === 'scalar' ? form.value.value : undefined;
    if (typeof n === 'number' && Number.isInteger(n) && n >= 0) return { ...base, mode, count: n };
    report.add('CHM156', valueSpan(form), `\`count\` must be a whole number, not ${describe(form.value)}`);
    return undefined;
  }
  if (mode === 'none') return { ...base, mode };
  let tolerance = 0;
  const t = entryOf(known, 'tolerance');
  if (mode === 'approx') {
    const v = t?.value.kind === 'scalar' ? t.value.value : t ? undefined : 1e-9;
    if (typeof v === 'number' && v >= 0 && Number.isFinite(v)) tolerance = v;
    else report.add('CHM156', t ? valueSpan(t) : e.keySpan, '`tolerance` must be a number of at least 0');
  } else if (t) report.add('CHM156', t.keySpan, '`tolerance` belongs to `approx`', { help });
  const rows = listOf(form, mode, report);
  return rows && { ...base, mode, tolerance, rows: readRows(context, rows, port) };
}

function readRows(context: TestContext, items: readonly Tree[], port: Port): ExpectedRow[] {
  const rows: ExpectedRow[] = [];
  for (const item of items) {
    if (item.kind !== 'map') {
      context.report.add('CHM156', item.span, `an expected row is a mapping, not ${describe(item)}`, {
        help: 'write `{ at: 1m, values: { close: 100.5 } }`',
      });
      continue;
    }
    checkKeys(item, ['at', 'key', 'values'], 'an expected row', context.report);
    const at = entryOf(item, 'at');
    const first = item.entries[0]?.keySpan ?? item.span;
    const key = context.key(item, port, first, false);
    const values = mapOf(entryOf(item, 'values'), 'values', context.report);
    rows.push({
      atUs: at && readTime(at.value, valueSpan(at), 'at', context.startUs, context.report),
      key,
      values: Object.fromEntries(context.fields(values, port, key)),
      line: first.source.position(first.start).line,
    });
  }
  return rows;
}

export function readLint(context: TestContext, entry: Entry | undefined): ExpectedFinding[] | undefined {
  const items = listOf(entry, 'expect_lint', context.report);
  if (!items) return undefined;
  const list: ExpectedFinding[] = [];
  for (const item of items) {
    if (item.kind !== 'map' || !entryOf(item, 'code')) {
      context.report.add('CHM156', item.span, 'an expected finding needs a code', {
        help: 'write `{ code: CHM310, node: fast }`',
      });
      continue;
    }
    checkKeys(item, ['code', 'node', 'line', 'column', 'message'], 'an expected finding', context.report);
    const text = (key: string) => stringOf(entryOf(item, key), key, context.report);
    const number = (key: string): number | undefined => {
      const e = entryOf(item, key);
      const v = e?.value.kind === 'scalar' ? e.value.value : undefined;
      if (!e || typeof v === 'number') return v as number | undefined;
      context.report.add('CHM103', valueSpan(e), `\`${key}\` must be a number, not ${describe(e.value)}`);
      return undefined;
    };
    const node = entryOf(item, 'node');
    const id = text('node');
    if (node && id !== undefined) context.node(id, valueSpan(node));
    list.push({
      code: text('code') ?? '',
      node: id,
      line: number('line'),
      column: number('column'),
      message: text('message'),
    });
  }
  return list;
}
