import { isNumberField } from '../schema/index.ts';
import { listing } from './report.ts';
import { checkKeys } from './shape.ts';
import { listOf, mapOf, type TestContext } from './test-context.ts';
import { readTime } from './test-time.ts';
import type { TestEvent, TestMock } from './test-types.ts';
import type { TestValue } from './test-value.ts';
import { describe, type Entry, entryOf, type MapTree, quote, type Span, valueSpan } from './tree.ts';

const EVENT_KEYS = ['at', 'node', 'port', 'key', 'values'];

export function readGiven(context: TestContext, entry: Entry | undefined): TestEvent[] {
  const events: TestEvent[] = [];
  for (const item of listOf(entry, 'given', context.report) ?? []) {
    if (item.kind !== 'map') {
      context.report.add('CHM156', item.span, `a given event is a mapping, not ${describe(item)}`, {
        help: 'write `{ at: 1s, node: market, port: trade, values: { … } }`',
      });
      continue;
    }
    checkKeys(item, EVENT_KEYS, 'a given event', context.report);
    const node = context.text(item, 'node');
    if (!node) continue;
    const event = readEvent(context, item, node.text, node.span, events.at(-1)?.atUs);
    if (event) events.push(event);
  }
  return events;
}

export function readMocks(context: TestContext, entry: Entry | undefined): TestMock[] {
  const mocks: TestMock[] = [];
  for (const { key, keySpan, value } of mapOf(entry, 'mocks', context.report)?.entries ?? []) {
    if (!context.node(key, keySpan)) continue;
    if (value.kind !== 'map') {
      context.report.add(
        'CHM156',
        value.span.end > value.span.start ? value.span : keySpan,
        `a mock is a mapping, not ${describe(value)}`,
        {
          help: 'write `model: { emit: [{ at: 1s, port: score, values: { … } }] }`, or `model: { emit: [] }` for silence',
        },
      );
      continue;
    }
    checkKeys(value, ['emit'], 'a mock', context.report);
    const emit: TestEvent[] = [];
    for (const item of listOf(entryOf(value, 'emit'), 'emit', context.report) ?? []) {
      if (item.kind !== 'map') {
        context.report.add('CHM156', item.span, `an emission is a mapping, not ${describe(item)}`);
        continue;
      }
      checkKeys(item, ['at', 'port', 'key', 'values'], 'an emission', context.report);
      const event = readEvent(context, item, key, keySpan, emit.at(-1)?.atUs);
      if (event) emit.push(event);
    }
    mocks.push({ node: key, emit, line: keySpan.source.position(keySpan.start).line });
  }
  return mocks;
}

function readEvent(
  context: TestContext,
  item: MapTree,
  nodeId: string,
  nodeSpan: Span,
  after: number | undefined,
): TestEvent | undefined {
  const report = context.report;
  const node = context.node(nodeId, nodeSpan);
  if (!node) return undefined;
  const portText = entryOf(item, 'port') ? context.text(item, 'port') : undefined;
  const names = Object.keys(node.out);
  if (!portText && names.length !== 1) {
    if (!entryOf(item, 'port'))
      report.add('CHM150', nodeSpan, `${quote(nodeId)} has ${names.length} out-ports: which one?`, {
        help: `add \`port\`: ${listing(names)}`,
      });
    return undefined;
  }
  const port = context.portOf(node, portText?.text ?? names[0]!, portText?.span ?? nodeSpan);
  if (!port) return undefined;
  const atEntry = entryOf(item, 'at');
  const first = item.entries[0]?.keySpan ?? item.span;
  if (!atEntry)
    report.add('CHM154', first, 'an event needs `at`', {
      help: 'an offset from the start of the test: `at: 1500ms`',
    });
  const atUs = atEntry && readTime(atEntry.value, valueSpan(atEntry), 'at', context.startUs, report);
  if (atEntry && atUs !== undefined && after !== undefined && atUs < after)
    report.add('CHM154', valueSpan(atEntry), 'the event is earlier than the one before it', {
      help: 'list events in order of time',
    });
  const key = context.key(item, port, first, true);
  const values = entryOf(item, 'values');
  const map = values ? mapOf(values, 'values', report) : undefined;
  const given = context.fields(map, port, key);
  const defaults = context.defaults.get(`${nodeId}.${port.port}`);
  const shared = defaults ? context.fields(defaults, port, key) : new Map<string, TestValue>();
  const all: Record<string, TestValue> = {};
  const missing: string[] = [];
  for (const [name, field] of Object.entries(port.schema.fields)) {
    const value = given.get(name) ?? shared.get(name);
    const nullable = isNumberField(field) && field.nullable;
    if (value === undefined && !given.has(name) && !shared.has(name) && !nullable && !(map && entryOf(map, name)))
      missing.push(name);
    all[name] = value ?? null;
  }
  if (missing.length > 0)
    report.add('CHM153', values?.keySpan ?? first, `the event lacks ${listing(missing, 8)} of ${nodeId}.${port.port}`, {
      help: `give them in \`values\`, or for all events under \`defaults: { ${nodeId}.${port.port}: { … } }\``,
    });
  return {
    atUs: atUs ?? context.startUs,
    node: nodeId,
    port: port.port,
    key,
    values: all,
    line: first.source.position(first.start).line,
  };
}
