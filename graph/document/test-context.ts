import type { Field, Schema } from '../schema/index.ts';
import { nearest } from './nearest.ts';
import { listing, type Report } from './report.ts';
import { checkKeys } from './shape.ts';
import type { TestInstrument } from './test-types.ts';
import { readTestValue, type TestValue } from './test-value.ts';
import { describe, type Entry, entryOf, isNull, type MapTree, quote, type Span, type Tree, valueSpan } from './tree.ts';
import type { Pipeline, PipelineNode } from './types.ts';

/** An out-port of the pipeline that a test names. */
export interface Port {
  readonly node: PipelineNode;
  readonly port: string;
  readonly schema: Schema;
  readonly keyed: boolean;
}

/** What the parts of one test have in common: the pipeline's nodes and ports, the test's instruments and defaults. */
export class TestContext {
  readonly pipeline: Pipeline;
  readonly report: Report;
  readonly startUs: number;
  readonly instruments = new Map<string, TestInstrument>();
  readonly defaults = new Map<string, MapTree>();

  constructor(pipeline: Pipeline, report: Report, startUs: number) {
    this.pipeline = pipeline;
    this.report = report;
    this.startUs = startUs;
  }

  readInstruments(entry: Entry | undefined): void {
    for (const { key, keySpan, value } of mapOf(entry, 'instruments', this.report)?.entries ?? []) {
      if (!/^[a-z]+:[A-Z0-9_]+$/.test(key))
        this.report.add('CHM155', keySpan, `${quote(key)} is not an instrument`, {
          help: 'write market and symbol: `usdm:BTCUSDT`',
        });
      if (value.kind !== 'map') {
        this.report.add(
          'CHM103',
          value.span.end > value.span.start ? value.span : keySpan,
          `an instrument is a mapping, not ${describe(value)}`,
          {
            help: 'write `usdm:BTCUSDT: { px_digits: 1, qty_digits: 3 }`',
          },
        );
        continue;
      }
      checkKeys(value, ['px_digits', 'qty_digits'], 'an instrument', this.report);
      const digits = (name: string): number => {
        const e = entryOf(value, name);
        if (!e) {
          this.report.add('CHM155', keySpan, `${quote(key)} needs \`${name}\``, {
            help: 'decimals of the instrument, 0 to 12',
          });
          return 0;
        }
        const v = e.value.kind === 'scalar' ? e.value.value : undefined;
        if (typeof v === 'number' && Number.isInteger(v) && v >= 0 && v <= 12) return v;
        this.report.add(
          'CHM155',
          valueSpan(e),
          `\`${name}\` must be a whole number from 0 to 12, not ${describe(e.value)}`,
        );
        return 0;
      };
      this.instruments.set(key, { key, pxDigits: digits('px_digits'), qtyDigits: digits('qty_digits') });
    }
  }

  readDefaults(entry: Entry | undefined): void {
    for (const { key, keySpan, value } of mapOf(entry, 'defaults', this.report)?.entries ?? []) {
      const port = this.port(key, keySpan);
      if (!port) continue;
      if (value.kind !== 'map') {
        this.report.add(
          'CHM103',
          value.span.end > value.span.start ? value.span : keySpan,
          `defaults are a mapping of fields, not ${describe(value)}`,
        );
        continue;
      }
      this.fields(value, port, undefined);
      this.defaults.set(`${port.node.id}.${port.port}`, value);
    }
  }

  text(item: MapTree, key: string): { text: string; span: Span } | undefined {
    const e = entryOf(item, key);
    if (!e) {
      this.report.add('CHM156', item.entries[0]?.keySpan ?? item.span, `an event needs \`${key}\``, {
        help: 'write `{ at: 1s, node: market, port: trade, values: { … } }`',
      });
      return undefined;
    }
    const text = stringOf(e, key, this.report);
    return text === undefined ? undefined : { text, span: valueSpan(e) };
  }

  node(id: string, span: Span): PipelineNode | undefined {
    const node = this.pipeline.nodes.find((n) => n.id === id);
    if (!node) {
      const ids = this.pipeline.nodes.map((n) => n.id);
      this.report.add('CHM150', span, `the pipeline has no node ${quote(id)}`, {
        suggestion: nearest(id, ids),
        help: `nodes: ${listing(ids)}`,
      });
    }
    return node;
  }

  /** `node.port`, or `node` when it has one out-port. */
  port(text: string, span: Span): Port | undefined {
    const [id, port, ...more] = text.split('.');
    const known = this.pipeline.nodes.find((n) => n.id === id);
    if (!known) {
      const ids = this.pipeline.nodes.map((n) => n.id);
      const near = nearest(id!, ids);
      this.report.add('CHM150', span, `the pipeline has no node ${quote(id!)}`, {
        suggestion: near === undefined ? undefined : [near, port, ...more].filter((p) => p !== undefined).join('.'),
        help: `nodes: ${listing(ids)}`,
      });
      return undefined;
    }
    const names = Object.keys(known.out);
    const name = port ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined || more.length > 0) {
      this.report.add('CHM150', span, `${quote(text)} does not name an out-port`, {
        help: `write ${listing(names.map((n) => `${known.id}.${n}`))}`,
      });
      return undefined;
    }
    return this.portOf(known, name, span, `${known.id}.`);
  }

  portOf(node: PipelineNode, port: string, span: Span, prefix = ''): Port | undefined {
    const spec = Object.hasOwn(node.out, port) ? node.out[port] : undefined;
    if (!spec) {
      const names = Object.keys(node.out);
      const near = nearest(port, names);
      this.report.add('CHM150', span, `${quote(node.id)} has no out-port ${quote(port)}`, {
        suggestion: near === undefined ? undefined : prefix + near,
        help: `out-ports: ${listing(names)}`,
      });
      return undefined;
    }
    const keyed = node.type.kind === 'source' ? spec.key === 'instrument' : node.key === 'instrument' || spec.keyed;
    return { node, port, schema: spec.schema, keyed };
  }

  key(item: MapTree, port: Port, first: Span, given: boolean): string | undefined {
    const e = entryOf(item, 'key');
    const keys = [...this.instruments.keys()];
    const name = `${port.node.id}.${port.port}`;
    if (!e) {
      if (!port.keyed) return undefined;
      if (keys.length === 1) return given ? keys[0] : undefined;
      if (given)
        this.report.add('CHM155', first, `${name} is keyed by instrument: the event needs \`key\``, {
          help:
            keys.length === 0
              ? 'declare the instruments of the test: `instruments: { usdm:BTCUSDT: { px_digits: 1, qty_digits: 3 } }`'
              : `instruments: ${keys.join(', ')}`,
        });
      return undefined;
    }
    const text = stringOf(e, 'key', this.report);
    if (text === undefined) return undefined;
    if (!port.keyed) this.report.add('CHM155', e.keySpan, `${name} has no key`, { help: 'remove `key`' });
    else if (!this.instruments.has(text))
      this.report.add('CHM155', valueSpan(e), `the test declares no instrument ${quote(text)}`, {
        suggestion: nearest(text, keys),
        help: keys.length === 0 ? 'declare it under `instruments:`' : `instruments: ${keys.join(', ')}`,
      });
    return text;
  }

  fields(map: MapTree | undefined, port: Port, key: string | undefined): Map<string, TestValue> {
    const values = new Map<string, TestValue>();
    const { fields } = port.schema;
    for (const e of map?.entries ?? []) {
      const field: Field | undefined = Object.hasOwn(fields, e.key) ? fields[e.key] : undefined;
      if (!field) {
        const names = Object.keys(fields);
        this.report.add('CHM151', e.keySpan, `${port.schema.name} has no field ${quote(e.key)}`, {
          suggestion: nearest(e.key, names),
          help: `fields: ${listing(names, 20)}`,
        });
        continue;
      }
      const instrument = key === undefined ? undefined : this.instruments.get(key);
      const value = readTestValue(e, field, instrument, this.startUs, this.report);
      if (value !== undefined) values.set(e.key, value);
    }
    return values;
  }
}

export function listOf(entry: Entry | undefined, name: string, report: Report): readonly Tree[] | undefined {
  if (!entry || isNull(entry.value)) return undefined;
  if (entry.value.kind === 'seq') return entry.value.items;
  report.add('CHM103', valueSpan(entry), `\`${name}\` must be a list, not ${describe(entry.value)}`, {
    help: `write \`${name}: [{ … }]\``,
  });
  return undefined;
}
export function mapOf(entry: Entry | undefined, name: string, report: Report): MapTree | undefined {
  if (!entry || isNull(entry.value)) return undefined;
  if (entry.value.kind === 'map') return entry.value;
  report.add('CHM103', valueSpan(entry), `\`${name}\` must be a mapping, not ${describe(entry.value)}`, {
    help: `write \`${name}: { … }\``,
  });
  return undefined;
}
export function stringOf(entry: Entry | undefined, name: string, report: Report): string | undefined {
  if (!entry) return undefined;
  const { value } = entry;
  if (value.kind === 'scalar' && value.value !== null && value.value !== '') return String(value.value);
  report.add('CHM103', valueSpan(entry), `\`${name}\` must be text, not ${describe(value)}`);
  return undefined;
}
