import {
  type BlockReader,
  ChimeraError,
  type KeyTable,
  MARKET_PORTS,
  type MarketPort,
  type Schema,
} from '../graph/schema/index.ts';
import { type CacheOptions, openCached } from './cache/open-cached.ts';
import { DuckDb } from './duckdb.ts';
import { type FileEntry, type LakeView, readLake, requireLake, schemaId, trashPath } from './manifest.ts';
import { type MergeInput, MergeReader } from './merge-reader.ts';
import { OUTCOMES } from './outcome-rows.ts';
import { RowStream, type StreamFile } from './row-stream.ts';
import { schemaFromJson } from './schema.ts';
import { LocalStorage, type ObjectStorage } from './storage.ts';

export interface LakeSelection {
  /** Default bronze. */
  tier?: string;
  /**
   * Ports of the reader, in this order. Default: all market ports as every market source numbers them, then the tier's others;
   * with `sources`, those that the sources wrote.
   */
  datasets?: readonly string[];
  /** `usdm:BTCUSDT`, or `BTCUSDT` for every market. Default: all. */
  symbols?: readonly string[];
  /** Half-open range of t_avail, µs. */
  fromUs?: number;
  toUs?: number;
  /** Sources in order of declaration: their order at one t_avail. Default: by name. */
  sources?: readonly string[];
}
export interface OpenLakeOptions extends LakeSelection {
  /**
   * `recorded`: every row keeps the seq it was journaled with (one source only); blocks are cut at gaps. `dense`: rows
   * are numbered from 0. Default: recorded when all datasets and symbols of a single source are read, dense otherwise.
   */
  numbering?: 'recorded' | 'dense';
  /** Decoded columnar cache: the first replay of a range fills it, the next ones read it. */
  cache?: CacheOptions;
  /** DuckDB's memory, MiB. */
  memoryMb?: number;
  storage?: ObjectStorage;
}

export interface LakePlan {
  view: LakeView;
  ports: BlockReader['ports'];
  /** Per port: its files, sorted. */
  files: FileEntry[];
  numbering: 'recorded' | 'dense';
  /** All keys of the lake that the selection can meet, with their decimals. */
  keys: { name: string; pxDigits: number; qtyDigits: number }[];
  sources: string[];
}

/** Opens a range of the lake as one stream of blocks, merged by (t_avail, source, seq). Errors: CHM601, 603, 604, 608–611, 619. */
export async function openLake(dir: string, options: OpenLakeOptions, keys: KeyTable): Promise<BlockReader> {
  const storage = options.storage ?? new LocalStorage(dir);
  const view = await readLake(storage);
  requireLake(view, dir);
  const plan = planLake(view, options);
  // Digits first: they must be known before a key's first event, and in the order in which the writer knew the keys.
  for (const k of plan.keys) {
    const known = keys.find(k.name);
    if (!known || known.pxDigits < k.pxDigits || known.qtyDigits < k.qtyDigits)
      keys.declare(k.name, k.pxDigits, k.qtyDigits);
  }
  const open = (): Promise<BlockReader> => openMerge(storage, plan, options, keys);
  return options.cache ? openCached(plan, options, keys, options.cache, open) : open();
}

export function planLake(view: LakeView, o: OpenLakeOptions): LakePlan {
  const tier = o.tier ?? 'bronze';
  // Outcomes are no inputs: only who names them gets them.
  const inTier = view.files.filter(
    (f) => f.tier === tier && (f.dataset !== OUTCOMES || o.datasets?.includes(OUTCOMES)),
  );
  const datasets = o.datasets ?? portsOfTier(inTier, tier, o.sources);
  const ports = datasets.map((name) => ({ name, schema: schemaOf(view, inTier, name) }));
  const wanted = (f: FileEntry): boolean =>
    datasets.includes(f.dataset) &&
    (!o.symbols || o.symbols.some((s) => f.key === s || f.key.slice(f.key.indexOf(':') + 1) === s)) &&
    (!o.sources || o.sources.includes(f.source));
  const chosen = inTier.filter(wanted);
  const files = chosen.filter(
    (f) => f.last_t_us >= (o.fromUs ?? Number.NEGATIVE_INFINITY) && f.first_t_us < (o.toUs ?? Number.POSITIVE_INFINITY),
  );
  const used = new Set(chosen.map((f) => f.key));
  const keys = view.keys
    .filter((k) => (o.symbols ? used.has(k.name) : true))
    .map((k) => ({ name: k.name, pxDigits: k.px_digits, qtyDigits: k.qty_digits }));
  const streams = new Set(files.map((f) => `${f.source}\n${f.writer}`));
  const whole = chosen.length === inTier.filter((f) => !o.sources || o.sources.includes(f.source)).length;
  const numbering = o.numbering ?? (streams.size <= 1 && whole ? 'recorded' : 'dense');
  if (numbering === 'recorded' && streams.size > 1)
    throw new ChimeraError('CHM611', 'the rows of several writers cannot keep their recorded numbers in one stream', {
      help: 'choose one source, or let the rows be numbered afresh',
    });
  const sources = o.sources ? [...o.sources] : [...new Set(files.map((f) => f.source))].sort();
  return { view, ports, files, numbering, keys, sources };
}

/** Named sources have the ports that something was written of; a whole tier has all that a market source has. */
function portsOfTier(files: readonly FileEntry[], tier: string, sources: readonly string[] | undefined): string[] {
  const own = sources ? files.filter((f) => sources.includes(f.source)) : files;
  const names = [...new Set(own.map((f) => f.dataset))].sort();
  const market = Object.keys(MARKET_PORTS).filter((d) => !sources || names.includes(d));
  return tier === 'bronze' ? [...market, ...names.filter((d) => !market.includes(d))] : names;
}

function schemaOf(view: LakeView, files: readonly FileEntry[], dataset: string): Schema {
  const own = dataset in MARKET_PORTS ? (MARKET_PORTS[dataset as MarketPort] as Schema) : undefined;
  const of = files.filter((f) => f.dataset === dataset);
  const newest = of.reduce<FileEntry | undefined>(
    (a, f) => (a && a.schema_version >= f.schema_version ? a : f),
    undefined,
  );
  const schema =
    own ??
    (newest && view.schemas.get(schemaId(newest.schema, newest.schema_version)) !== undefined
      ? schemaFromJson(view.schemas.get(schemaId(newest.schema, newest.schema_version))!)
      : undefined);
  if (!schema)
    throw new ChimeraError('CHM610', `the lake has no dataset "${dataset}"`, {
      help: 'list them with `chimera lake ls`',
    });
  for (const f of of)
    if (f.schema !== schema.name || f.schema_version !== schema.version)
      throw new ChimeraError(
        'CHM610',
        `${f.path} holds ${f.schema}@${f.schema_version}, not ${schema.name}@${schema.version}`,
        {
          file: f.path,
          help: 'import its source again with this version',
        },
      );
  return schema;
}

async function openMerge(
  storage: ObjectStorage,
  plan: LakePlan,
  o: OpenLakeOptions,
  keys: KeyTable,
): Promise<BlockReader> {
  const db = await DuckDb.open({ memoryMb: o.memoryMb ?? 256 });
  const groups = new Map<string, FileEntry[]>();
  for (const f of plan.files) {
    const id = `${f.dataset}\n${f.key}\n${f.source}\n${f.writer}`;
    const g = groups.get(id);
    if (g) g.push(f);
    else groups.set(id, [f]);
  }
  const writers = [...new Set(plan.files.map((f) => f.writer))].sort();
  const inputs: MergeInput[] = [];
  for (const files of groups.values()) {
    files.sort((a, b) => a.first_seq - b.first_seq);
    noOverlap(files);
    const first = files[0]!;
    const key = first.key === '' ? undefined : keys.find(first.key);
    const port = plan.ports.findIndex((p) => p.name === first.dataset);
    inputs.push({
      port,
      key: key?.index ?? -1,
      rank: plan.sources.indexOf(first.source) * writers.length + writers.indexOf(first.writer),
      firstT: first.first_t_us,
      firstSeq: first.first_seq,
      open: () =>
        new RowStream(
          db,
          files.map((f) => storedFile(storage, f)),
          {
            schema: plan.ports[port]!.schema,
            digits: { pxDigits: key?.pxDigits ?? 0, qtyDigits: key?.qtyDigits ?? 0 },
            where: rangeCondition(o.fromUs, o.toUs),
          },
        ),
    });
  }
  return new MergeReader(plan.ports, inputs, plan.numbering === 'recorded', () => db.close());
}

/** Brought here when its turn comes; a compaction may have moved it after our view was taken. */
const storedFile = (storage: ObjectStorage, f: FileEntry): StreamFile => ({
  path: storage.url(f.path),
  rows: f.rows,
  borrow: () => storage.borrow(f.path),
  fallback: () => storage.borrow(trashPath(f.path)),
});

function noOverlap(files: readonly FileEntry[]): void {
  for (let i = 1; i < files.length; i++) {
    const [a, b] = [files[i - 1]!, files[i]!];
    if (b.first_seq <= a.last_seq)
      throw new ChimeraError('CHM612', `${b.path} overlaps ${a.path}`, {
        file: b.path,
        help: 'see `chimera lake verify`; one of the two was copied in or belongs to a compaction that was undone',
      });
  }
}

export function rangeCondition(fromUs?: number, toUs?: number): string {
  const at = (us: number): string => `make_timestamp(${Math.floor(us)})::TIMESTAMPTZ`;
  return [
    ...(fromUs === undefined ? [] : [`t_avail_us >= ${at(fromUs)}`]),
    ...(toUs === undefined ? [] : [`t_avail_us < ${at(toUs)}`]),
  ].join(' AND ');
}
