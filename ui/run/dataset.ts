import type { Pipeline, PipelineEdge, PipelineNode } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import { nextInt, seedRandom } from '../../graph/math/index.ts';
import { type InPorts, inPortsOf, outPortsOf } from '../../graph/node.ts';
import { type Block, type BlockReader, ChimeraError, KeyTable, Scalar, type Schema } from '../../graph/schema/index.ts';
import type { TapFileResult } from '../../graph/tap/file.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import { datasetRow } from '../../operators/label/dataset-row.ts';
import { type RunJob, runJob } from './run.ts';
import { openTableTap } from './table-tap.ts';

export interface DatasetJob {
  pipeline: Pipeline;
  inputs: readonly string[];
  cache?: RunJob['cache'];
  /** How to reach inputs at `s3://` addresses. */
  s3?: S3Options;
  /** How far to look ahead, as durations: `12h`. */
  horizons: readonly string[];
  /** `.parquet` or `.arrow`. */
  to: string;
  /** `NODE.PORT` of the features; default: the only feature.join. */
  features?: string;
  /** `NODE.PORT.FIELD` of the price whose return is the label; default: the close of the bars that trigger the join. */
  price?: string;
  /** Cut the input at this many random places and compare (§ prefix check). */
  checkPrefix?: number;
  seed?: number;
  onProgress?: RunJob['onProgress'];
  onCheck?: (done: number, of: number) => void;
}
/** What `chimera lake dataset --json` prints. */
export interface DatasetReport {
  rows: number;
  columns: string[];
  first_us: number | null;
  last_us: number | null;
  /** Decisions without a row, by reason. */
  dropped: { horizon_beyond_data: number };
  sha256: string;
  features: string;
  price: string;
  /** Present when asked for: how many cuts were tried, and the first that changed an earlier row. */
  prefix_check?: { cuts: number; changed: { events: number; row: number; column: string } | null };
}

const NODE = 'dataset';

/** Runs a pipeline over its inputs and writes a training set: features as of each decision, and what followed. */
export async function makeDataset(job: DatasetJob): Promise<DatasetReport> {
  const { pipeline, features, price } = withDataset(job);
  const row = pipeline.nodes.at(-1)!.out['row']!.schema;
  const port = `${NODE}.row`;
  const table = await openTableTap(job.to, row);
  const seen = new Rows(row);
  let decisions = 0;
  let file: TapFileResult;
  try {
    await runJob({
      pipeline,
      inputs: job.inputs,
      cache: job.cache,
      watch: [port, features],
      ...(job.s3 ? { s3: job.s3 } : {}),
      ...(job.seed === undefined ? {} : { seed: job.seed }),
      ...(job.onProgress ? { onProgress: job.onProgress } : {}),
      onTap: (tap, keys) => {
        if (`${tap.node}.${tap.port}` === features) decisions += tap.n;
        else {
          table.append(tap, keys);
          seen.take(tap);
        }
      },
    });
    file = await table.close();
  } catch (e) {
    await table.abort();
    throw e;
  }
  const report: DatasetReport = {
    rows: file.rows,
    columns: ['source', 'seq', 't_avail_us', 'key', ...Object.keys(row.fields)],
    first_us: seen.first,
    last_us: seen.last,
    dropped: { horizon_beyond_data: decisions - file.rows },
    sha256: file.sha256,
    features,
    price,
  };
  if (job.checkPrefix) report.prefix_check = await checkPrefix(job, pipeline, seen, job.checkPrefix);
  return report;
}

/** The pipeline with the node that makes rows. */
function withDataset(job: DatasetJob): { pipeline: Pipeline; features: string; price: string } {
  const { pipeline } = job;
  const features = job.features ?? soleJoin(pipeline);
  const from = find(pipeline, features);
  const price = job.price ?? closeOfTrigger(pipeline, from.node);
  const ports = inPortsOf(datasetRow) as InPorts;
  const [pNode, pOut, pField] = price.split('.') as [string, string, string | undefined];
  const priced = find(pipeline, `${pNode}.${pOut}`);
  if (pField !== undefined && !priced.schema.fields[pField]) throw noPort(price, pipeline);
  const inputs: PipelineEdge[] = [
    edge('features', ports, from.node.id, from.out, undefined, from.schema),
    edge('price', ports, pNode, pOut, pField === 'value' && priced.schema === Scalar ? undefined : pField, Scalar),
  ];
  const config = datasetRow.config.parse({ horizons: [...job.horizons] });
  const wiring = { inputs: { features: from.schema, price: Scalar } };
  const issue = datasetRow.check?.(config as never, wiring)[0];
  if (issue) throw new ChimeraError(issue.code, issue.message, issue.help ? { help: issue.help } : {});
  const node: PipelineNode = {
    id: NODE,
    type: datasetRow,
    config,
    key: from.node.key,
    inputs,
    out: outPortsOf(datasetRow, config, wiring),
    feedback: [],
    delayUs: 0,
    onError: 'stop',
    line: 0,
    column: 0,
  };
  return { pipeline: { ...pipeline, nodes: [...pipeline.nodes, node] }, features, price };
}
const edge = (
  port: string,
  ports: InPorts,
  node: string,
  out: string,
  field: string | undefined,
  schema: Schema,
): PipelineEdge => ({
  port,
  spec: ports[port]!,
  rest: false,
  node,
  out,
  field,
  schema,
});

function soleJoin(pipeline: Pipeline): string {
  const joins = pipeline.nodes.filter((n) => n.type.type === 'feature.join');
  if (joins.length === 1) return `${joins[0]!.id}.features`;
  throw new ChimeraError('CHM906', `the pipeline has ${joins.length} nodes of type feature.join`, {
    file: pipeline.file,
    help: 'say which features to write with --features NODE.PORT',
  });
}
/** What triggers the join is mostly a bar: its close is what a decision at that bar could trade at. */
function closeOfTrigger(pipeline: Pipeline, join: PipelineNode): string {
  const trigger = join.inputs.find((e) => e.port === 'trigger');
  const from = trigger && pipeline.nodes.find((n) => n.id === trigger.node);
  if (trigger && from?.out[trigger.out]?.schema.fields['close']) return `${trigger.node}.${trigger.out}.close`;
  throw new ChimeraError('CHM907', 'the trigger of the join has no close to take returns of', {
    file: pipeline.file,
    help: 'name the price with --price NODE.PORT.FIELD',
  });
}
function find(pipeline: Pipeline, port: string): { node: PipelineNode; out: string; schema: Schema } {
  const [id, out] = port.split('.') as [string, string | undefined];
  const node = pipeline.nodes.find((n) => n.id === id);
  const spec = out === undefined ? undefined : node?.out[out];
  if (!node || !spec) throw noPort(port, pipeline);
  return { node, out: out!, schema: spec.schema };
}
const noPort = (port: string, pipeline: Pipeline): ChimeraError =>
  new ChimeraError('CHM902', `there is no port ${port}`, {
    file: pipeline.file,
    help: `ports are: ${pipeline.nodes.flatMap((n) => Object.keys(n.out).map((o) => `${n.id}.${o}`)).join(', ')}`,
  });

/** The rows of a run, number by number, for comparison. */
class Rows {
  readonly #fields: string[];
  readonly values: string[] = [];
  first: number | null = null;
  last: number | null = null;
  constructor(schema: Schema) {
    this.#fields = Object.keys(schema.fields);
  }
  take(tap: Tap): void {
    for (let i = 0; i < tap.n; i++) {
      const t0 = tap.value(i, 0) as number;
      this.first ??= t0;
      this.last = t0;
      this.values.push(
        JSON.stringify([tap.seq(i), tap.time(i), tap.key(i), ...this.#fields.map((_, f) => cell(tap.value(i, f)))]),
      );
    }
  }
  column(row: number, other: string): string {
    const [a, b] = [JSON.parse(this.values[row]!) as unknown[], JSON.parse(other) as unknown[]];
    const at = a.findIndex((v, i) => v !== b[i]);
    return ['seq', 't_avail_us', 'key', ...this.#fields][at] ?? 'row';
  }
}
/** −0 and NaN told apart, as JSON does not. */
const cell = (v: unknown): unknown => (typeof v === 'number' ? (Object.is(v, -0) ? '-0' : `${v}`) : v);

/**
 * Proof that no row saw its future: with the input cut short at random places, every row that still comes out must be
 * the same as before. A feature that peeks ahead gives itself away, whatever form its node has.
 */
async function checkPrefix(
  job: DatasetJob,
  pipeline: Pipeline,
  full: Rows,
  cuts: number,
): Promise<NonNullable<DatasetReport['prefix_check']>> {
  const [source, second] = pipeline.nodes.filter((n) => n.type.kind === 'source') as [PipelineNode, PipelineNode?];
  if (second)
    throw new ChimeraError(
      'CHM904',
      `the prefix check cuts one source, and the pipeline has ${source.id} and ${second.id}`,
      {
        help: 'check it with one source at a time',
      },
    );
  const random = seedRandom(job.seed ?? 1);
  let total = 0;
  const open = async (keys: KeyTable): Promise<BlockReader> => {
    if (source.type.kind !== 'source') throw new ChimeraError('CHM904', 'the pipeline has no source');
    const env = {
      keys,
      inputs: job.inputs,
      dir: undefined,
      pipeline: pipeline.name,
      node: source.id,
      seed: job.seed ?? 1,
      access: { ...(job.s3 ? { s3: job.s3 } : {}), ...(job.cache ? { cache: job.cache } : {}) },
    };
    return source.type.open(source.config as never, env);
  };
  const counted = await open(new KeyTable());
  for (let b = await counted.read(); b; b = await counted.read()) total += b.n;
  await counted.close();
  for (let i = 0; i < cuts; i++) {
    const events = total === 0 ? 0 : nextInt(random, total);
    const part = new Rows(pipeline.nodes.at(-1)!.out['row']!.schema);
    await runJob({
      pipeline,
      inputs: job.inputs,
      watch: [`${NODE}.row`],
      ...(job.seed === undefined ? {} : { seed: job.seed }),
      onTap: (tap) => part.take(tap),
      readers: { [source.id]: async (keys) => cutAfter(await open(keys), events) },
    });
    const row = part.values.findIndex((v, r) => v !== full.values[r]);
    if (row >= 0) {
      const column = row < full.values.length ? full.column(row, part.values[row]!) : 'row';
      return { cuts: i + 1, changed: { events, row, column } };
    }
    job.onCheck?.(i + 1, cuts);
  }
  return { cuts, changed: null };
}

/** Only the first inputs of a reader. */
function cutAfter(reader: BlockReader, events: number): BlockReader {
  let left = events;
  return {
    ports: reader.ports,
    async read(): Promise<Block | null> {
      if (left <= 0) return null;
      const block = await reader.read();
      if (!block) return null;
      const n = Math.min(block.n, left);
      left -= n;
      return n === block.n ? block : { ...block, n };
    },
    async seek(seq) {
      left = events - (seq + 1);
      await reader.seek!(seq);
    },
    close: () => reader.close(),
  };
}
