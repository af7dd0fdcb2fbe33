import { z } from 'zod';
import type { PipelineTest, TestEvent } from '../document/tests.ts';
import type { Pipeline, PipelineNode } from '../document/types.ts';
import { parseDecimal } from '../math/index.ts';
import { defineSink, defineSource, type input, type OutPort, type OutPorts, output } from '../node.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import {
  type BlockReader,
  ChimeraError,
  type Field,
  isNumberField,
  type KeyInfo,
  KeyTable,
  type NumberKind,
} from '../schema/index.ts';
import { digitsOf } from '../tap/format.ts';

/** A pipeline made ready for a test: what the test states instead of letting it run, as sources. */
export interface Staged {
  pipeline: Pipeline;
  keys: () => KeyTable;
  readers: Record<string, (keys: KeyTable) => Promise<BlockReader>>;
  rows: Record<string, InputRow[]>;
}

/**
 * Replaces every source, every node with given events and every mock by a source that delivers what the test says, and
 * every sink by one that keeps nothing: a test reaches nothing outside of itself.
 */
export function stage(pipeline: Pipeline, test: PipelineTest, blockRows?: number): Staged {
  const events = new Map<string, TestEvent[]>();
  for (const e of [...test.given, ...test.mocks.flatMap((m) => m.emit)])
    events.set(e.node, [...(events.get(e.node) ?? []), e]);
  const mocked = new Set(test.mocks.map((m) => m.node));
  const stated = (n: PipelineNode) => n.type.kind === 'source' || mocked.has(n.id) || events.has(n.id);
  const nodes = pipeline.nodes.map(
    (n): PipelineNode => (stated(n) ? asSource(n) : n.type.kind === 'sink' ? asSilent(n) : n),
  );

  const digits = decimalsOf(pipeline, test);
  const keys = () => {
    const table = new KeyTable();
    for (const [name, d] of digits) table.declare(name, d.px, d.qty);
    return table;
  };
  const table = keys();
  const rows: Record<string, InputRow[]> = {};
  const readers: Staged['readers'] = {};
  for (const n of nodes) {
    if (n.type.kind !== 'source') continue;
    const ports = Object.entries(n.out).map(([name, p]) => ({ name, schema: p.schema }));
    const list = (events.get(n.id) ?? []).map((e) => toRow(e, n, table)).sort((a, b) => a.t - b.t);
    rows[n.id] = list;
    readers[n.id] = async () => rowsReader(ports, list, blockRows);
  }
  return { pipeline: { ...pipeline, nodes }, keys, readers, rows };
}

function asSource(n: PipelineNode): PipelineNode {
  const out: OutPorts = Object.fromEntries(
    Object.entries(n.out).map(([name, p]): [string, OutPort] => {
      const keyed = n.type.kind === 'source' ? p.key === 'instrument' : n.key === 'instrument' || p.keyed;
      return [name, output(p.schema, { many: p.many, key: keyed ? 'instrument' : 'none', future: p.future })];
    }),
  );
  const type = defineSource({
    type: n.type.type,
    version: n.type.version,
    tier: n.type.tier,
    summary: n.type.summary,
    config: z.looseObject({}),
    ports: { out },
    determinism: 'journaled',
    open: async () => rowsReader([], []),
  });
  return { ...n, type, key: 'none', inputs: [], out, feedback: [] };
}
function asSilent(n: PipelineNode): PipelineNode {
  const ports = Object.fromEntries(
    n.inputs.filter((e) => !e.rest).map((e) => [e.port, e.spec as ReturnType<typeof input>]),
  );
  const type = defineSink({
    type: n.type.type,
    version: n.type.version,
    tier: n.type.tier,
    summary: n.type.summary,
    config: z.looseObject({}),
    ports: { in: ports },
    determinism: 'external',
    open: async () => ({ write: () => {}, commit: async () => {}, rollback: () => {}, close: async () => {} }),
  });
  return { ...n, type };
}

/** Decimals per instrument: as the test declares them, else as many as its amounts need. */
function decimalsOf(pipeline: Pipeline, test: PipelineTest): Map<string, { px: number; qty: number }> {
  const digits = new Map(test.instruments.map((i) => [i.key, { px: i.pxDigits, qty: i.qtyDigits }]));
  const declared = new Set(digits.keys());
  for (const e of [...test.given, ...test.mocks.flatMap((m) => m.emit)]) {
    if (e.key === undefined) continue;
    const d = digits.get(e.key) ?? { px: 0, qty: 0 };
    digits.set(e.key, d);
    if (declared.has(e.key)) continue;
    const fields = pipeline.nodes.find((n) => n.id === e.node)!.out[e.port]!.schema.fields;
    for (const [name, value] of Object.entries(e.values)) {
      const f = fields[name]!;
      const kind = f.kind === 'list' ? f.of : f.kind;
      for (const v of Array.isArray(value) ? value : [value]) {
        const n = typeof v === 'string' && v.includes('.') ? v.length - v.indexOf('.') - 1 : 0;
        if (kind === 'px') d.px = Math.max(d.px, n);
        if (kind === 'qty') d.qty = Math.max(d.qty, n);
      }
    }
  }
  return digits;
}

function toRow(e: TestEvent, n: PipelineNode, keys: KeyTable): InputRow {
  const key = e.key === undefined ? undefined : keys.find(e.key);
  if (e.key !== undefined && !key)
    throw new ChimeraError('CHM155', `instrument ${e.key} has no decimals`, { line: e.line });
  const { fields } = n.out[e.port]!.schema;
  const values: Record<string, unknown> = {};
  for (const [name, v] of Object.entries(e.values)) values[name] = toValue(v, fields[name]!, key);
  return { t: e.atUs, port: e.port, key: key?.index ?? -1, values };
}

/** A value of a test as the engine holds it. */
export function toValue(v: unknown, f: Field, key: KeyInfo | undefined): unknown {
  if (v === null) return Number.NaN;
  if (Array.isArray(v) && f.kind === 'list') return v.map((x) => amount(x, f.of, key));
  return isNumberField(f) ? amount(v, f.kind, key) : v;
}
function amount(v: unknown, kind: NumberKind, key: KeyInfo | undefined): number {
  if (typeof v === 'number') return v;
  return parseDecimal(String(v), digitsOf(kind, key));
}
