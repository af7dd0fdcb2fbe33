import type { CheckpointStore } from '../../graph/checkpoint/store.ts';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import type { PlannedReload, ReloadRecord } from '../../graph/reload/reload.ts';
import { readCheckpoint } from '../../graph/runner/read-checkpoint.ts';
import { ChimeraError } from '../../graph/schema/index.ts';

/** What a graph was read from: enough to read it again. */
export interface GraphDocument {
  readonly file: string;
  readonly text: string;
  readonly profile?: { readonly file: string; readonly text: string };
  readonly sets?: Readonly<Record<string, string>>;
}
/** Reads a graph of the run's history again. */
export type Resolve = (hash: string, document: GraphDocument | null) => Promise<Pipeline>;

/** A graph of a run: the first, or one that took over. */
export interface GraphEntry {
  /** How many changes led to it. */
  readonly n: number;
  readonly hash: string;
  readonly document: GraphDocument | null;
  /** How it took over; null for the first. */
  readonly record: ReloadRecord | null;
}
/** The graphs of a run, in order. */
export interface RunGraphs {
  readonly entries: readonly GraphEntry[];
  /** The graph that the run began with. */
  readonly first: Pipeline;
  /** The graph of the newest checkpoint, or the one to begin with. */
  readonly pipeline: Pipeline;
  /** All changes, with the graphs that took over. */
  readonly reloads: readonly PlannedReload[];
}

const writerOf = (pipeline: string): string => `graphs:${pipeline}`;

export async function loadGraphs(store: CheckpointStore | undefined, pipeline: string): Promise<GraphEntry[]> {
  return ((await store?.loadManifest(writerOf(pipeline))) ?? []).map((e) => e.entry as GraphEntry);
}
/** Within the commit of which it is part. */
export const keepGraph = (store: CheckpointStore, pipeline: string, entry: GraphEntry): Promise<void> =>
  store.saveManifest(writerOf(pipeline), entry.n, entry);

export const entryOf = (record: ReloadRecord): GraphEntry => {
  const { document, ...rest } = record;
  return {
    n: record.n,
    hash: record.to,
    document: document as GraphDocument | null,
    record: { ...rest, document: null },
  };
};

/**
 * The graphs of a run that is to go on. A state goes on with the graph that wrote it, which is the one given, or one that took its
 * place while the run lived: whoever starts the run again names the document of its first start, and need not know.
 * @throws CHM920 when the state was written by another graph, CHM756 when one of its graphs cannot be read any more
 */
export async function graphsOf(
  store: CheckpointStore | undefined,
  given: Pipeline,
  where: { folder?: string; place: string },
  resolve: Resolve = fromDocument,
): Promise<RunGraphs> {
  const entries = await loadGraphs(store, given.name);
  const last = await store?.loadCheckpoint(given.name);
  const known = entries[0]?.hash === given.hash || entries.at(-1)?.hash === given.hash;
  if (last && last.graph !== given.hash && !(known && entries.some((e) => e.hash === last.graph)))
    throw new ChimeraError('CHM920', `the state in ${where.place} was written by another graph of ${given.name}`, {
      ...(where.folder === undefined ? {} : { file: where.folder }),
      help: `use an empty ${where.folder === undefined ? 'database' : '--state folder'}, or the pipeline, profile and parameters of the first start`,
    });
  if (entries.length <= 1) return { entries, first: given, pipeline: given, reloads: [] };
  const graphs = await readAll(entries, given, resolve);
  const { commit } = await readCheckpoint(store, given.name);
  return { entries, first: graphs[0]!, pipeline: graphs[commit?.reloads ?? 0]!, reloads: changesOf(entries, graphs) };
}

/** The graph that a run began with, and all that took over. @throws CHM756 */
export async function historyOf(
  entries: readonly GraphEntry[],
  given: Pipeline,
  resolve: Resolve = fromDocument,
): Promise<{ first: Pipeline; all: readonly Pipeline[]; reloads: readonly PlannedReload[] }> {
  if (entries.length <= 1) return { first: given, all: [given], reloads: [] };
  const all = await readAll(entries, given, resolve);
  return { first: all[0]!, all, reloads: changesOf(entries, all) };
}

async function readAll(entries: readonly GraphEntry[], given: Pipeline, resolve: Resolve): Promise<Pipeline[]> {
  const graphs: Pipeline[] = [];
  for (const { hash, document } of entries)
    graphs.push(hash === given.hash ? given : (graphs.find((g) => g.hash === hash) ?? (await resolve(hash, document))));
  return graphs;
}
const changesOf = (entries: readonly GraphEntry[], graphs: readonly Pipeline[]): PlannedReload[] =>
  entries.flatMap(({ record, document }, i) =>
    record ? [{ record: { ...record, document }, pipeline: graphs[i]! }] : [],
  );

/** Reads a graph again from the document that the run kept. @throws CHM756 */
export const fromDocument: Resolve = async (hash, document) => {
  const short = hash.slice(0, 12);
  const unknown = (why: string) =>
    new ChimeraError('CHM756', `graph ${short} of the run's history ${why}`, {
      ...(document ? { file: document.file } : {}),
      help: 'use the version of the program that ran it',
    });
  if (!document) throw unknown('was given without its document');
  const pipeline = await readGraph(document);
  if (!pipeline) throw unknown('cannot be read any more');
  if (pipeline.hash !== hash) throw unknown(`is another graph now: ${pipeline.hash.slice(0, 12)}`);
  return pipeline;
};

/** @returns undefined when it does not lint */
export async function readGraph({ text, file, profile, sets }: GraphDocument): Promise<Pipeline | undefined> {
  const { registry } = await import('../cli/registry.ts');
  return loadPipeline(text, file, registry, { ...(profile ? { profile } : {}), ...(sets ? { sets } : {}) }).pipeline;
}
