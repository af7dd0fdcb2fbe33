import type { DeadLetter } from '../../../../graph/bus/redis/dead-letters.ts';
import type { RedisBus } from '../../../../graph/bus/redis/open-redis-bus.ts';
import { decodeBatch } from '../../../../graph/cut/batch.ts';
import { cutGraph } from '../../../../graph/cut/cut.ts';
import { decodeCommit } from '../../../../graph/cut/part-commit.ts';
import { partitionName } from '../../../../graph/cut/streams.ts';
import { rowOf } from '../../../../graph/cut/wire-columns.ts';
import type { Pipeline } from '../../../../graph/document/types.ts';
import { createPlan } from '../../../../graph/plan/plan.ts';
import {
  ChimeraError,
  type Field,
  isNumberField,
  type KeyInfo,
  KeyTable,
  type NumberKind,
  type Vec,
} from '../../../../graph/schema/index.ts';
import { formatValue } from '../../../../graph/tap/format.ts';

/** A value as pipeline tests write it: exact amounts as decimal text, everything else as JSON has it. */
export type Value = string | number | boolean | null | readonly (string | number | null)[];
/** One record of an entry. */
export interface LetterRow {
  /** Engine time, µs. */
  readonly t: number;
  readonly node: string;
  readonly port: string;
  /** Instrument; null on ports without one. */
  readonly key: string | null;
  readonly values: Readonly<Record<string, Value>>;
}
/** Instruments in the order of their numbers, with their decimals. */
export type Digits = readonly { readonly name: string; readonly pxDigits: number; readonly qtyDigits: number }[];
/** Where in a pipeline the records of a stream come from. */
export interface StreamHome {
  readonly part: string;
  readonly partition: string;
  /** What the stream's name has in braces: an instrument, or '' for records without one. */
  readonly key: string;
  readonly ports: readonly { readonly node: string; readonly port: string }[];
}

const refuse = (why: string, help: string): ChimeraError => new ChimeraError('CHM989', why, { help });

function locate(stream: string, pipeline: Pipeline) {
  const plan = createPlan(pipeline);
  const cut = cutGraph(plan);
  const m = /^(.*):\{(.*)\}$/.exec(stream);
  const candidates = cut.parts.flatMap((part) =>
    part.families.filter((f) => m?.[1] === f.name || m?.[1]?.endsWith(f.name)).map((family) => ({ part, family })),
  );
  // A prefix may end as another family begins: the longest name is the one that is meant.
  const found = candidates.sort((a, b) => b.family.name.length - a.family.name.length)[0];
  if (!found || !m)
    throw refuse(
      `no part of ${pipeline.name} writes to ${stream}`,
      'name the pipeline that wrote it, with its profile and parameters; control streams hold no records',
    );
  const prefix = m[1]!.slice(0, m[1]!.length - found.family.name.length);
  const key = m[2] === pipeline.name ? '' : m[2]!;
  return { plan, ...found, prefix, key };
}

export function homeOf(stream: string, pipeline: Pipeline): StreamHome {
  const { plan, part, family, prefix, key } = locate(stream, pipeline);
  return {
    part: part.id,
    partition: partitionName({ prefix, pipeline: pipeline.name }, part.id),
    key,
    ports: family.ports.map((p) => ({ node: plan.nodes[p.node]!.id, port: plan.nodes[p.node]!.outs[p.out]!.port })),
  };
}

/** Decimals of instruments as the writer of the stream has them: out of its newest commit. Empty when there is none to read. */
export async function digitsOnBus(bus: RedisBus, { partition }: StreamHome): Promise<Digits> {
  try {
    const stored = await bus.connection.client.hgetallBuffer(bus.keys.checkpoints(partition));
    const blob = stored[`${String(stored['newest'])}:blob`];
    return blob === undefined ? [] : decodeCommit(blob).snapshot.keys;
  } catch {
    return [];
  }
}

/**
 * The records of a dead letter, by the schemas of the pipeline that wrote it.
 * @param digits instruments by number; amounts are shown unscaled, and refused where they matter, without them
 * @throws CHM989 for streams of other pipelines and payloads that are gone, CHM513 when the bytes are no entry
 */
export function decodeLetter(letter: DeadLetter, pipeline: Pipeline, digits: Digits): LetterRow[] {
  if (!letter.payload)
    throw refuse(`the payload of ${letter.id} is gone`, 'what it was is in the journal of its source');
  const { plan, family, key } = locate(letter.stream, pipeline);
  const ports = family.ports.map((p) => {
    const { id, outs } = plan.nodes[p.node]!;
    return { node: id, port: outs[p.out]!.port, schema: outs[p.out]!.schema };
  });
  const batch = decodeBatch(
    letter.payload,
    ports.map((p) => p.schema),
  );
  const keys = new KeyTable();
  for (const d of digits) keys.declare(d.name, d.pxDigits, d.qtyDigits);
  const infoOf = (i: number): KeyInfo | undefined => {
    const number = batch.keys?.[i];
    if (number !== undefined && number >= 0 && number >= keys.list.length)
      throw refuse(
        `instrument ${number} of ${letter.stream} is not known`,
        'give the decimals of all instruments: --digits usdm:BTCUSDT=1,3',
      );
    const info =
      number === undefined ? (key === '' ? undefined : keys.find(key)) : number < 0 ? undefined : keys.at(number);
    if (info || key === '' || number !== undefined) return info;
    throw refuse(
      `the decimals of ${key} are not known`,
      `give them: --digits ${key}=PX,QTY (as \`chimera list\` of its exchange shows them)`,
    );
  };
  const rows: LetterRow[] = [];
  for (let c = 0; c < batch.cycles; c++)
    for (let i = c === 0 ? 0 : batch.ends[c - 1]!; i < batch.ends[c]!; i++) {
      const { node, port, schema } = ports[batch.ports[i]!]!;
      const info = infoOf(i);
      const record = rowOf(schema, batch.columns[batch.ports[i]!]!, batch.rows[i]!, info?.index ?? -1);
      const values = Object.fromEntries(
        Object.entries(schema.fields).map(([name, f]) => [name, fieldValue(f, record[name], info)]),
      );
      rows.push({ t: batch.t[c]!, node, port, key: info?.name ?? null, values });
    }
  return rows;
}

function fieldValue(f: Field, v: unknown, key: KeyInfo | undefined): Value {
  if (f.kind === 'list') return (v as Vec).toArray().map((x) => amount(f.of, x, key));
  return isNumberField(f) ? amount(f.kind, v as number, key) : (v as string | boolean);
}
function amount(kind: NumberKind, v: number, key: KeyInfo | undefined): string | number | null {
  if (Number.isNaN(v)) return null;
  if (kind === 'f64' || kind === 'int' || kind === 'ms' || kind === 'us') return v;
  return formatValue({ kind, nullable: false } as Field, v, key);
}
