import { mkdirSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import type { CheckpointStore } from '../../graph/checkpoint/store.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import type { CommitMark } from '../../graph/node.ts';
import type { Plan } from '../../graph/plan/plan.ts';
import { ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import { TapFile, type TapFileResult, type TapMark } from '../../graph/tap/file.ts';
import { openTableTap, TableTap } from './table-tap.ts';

export interface TapsJob {
  /** Ports to write, by `node.port`. */
  readonly taps?: Readonly<Record<string, string>>;
  /** Writes every port of every node to `DIR/NODE.PORT.csv`. */
  readonly tapAll?: string;
}

const WRITER = 'tap:';

/** The files that a run writes ports to. Those of a run with a store are cut back to their last commit when it resumes. */
export class RunTaps {
  readonly #store: CheckpointStore | undefined;
  readonly #files: Map<string, TapFile | TableTap>;

  private constructor(files: Map<string, TapFile | TableTap>, store: CheckpointStore | undefined) {
    this.#files = files;
    this.#store = store;
  }
  get ports(): readonly string[] {
    return [...this.#files.keys()];
  }
  /** @param epoch commit that the run goes on from */
  static async open(
    plan: Plan,
    paths: ReadonlyMap<string, string>,
    store: CheckpointStore | undefined,
    epoch: number,
  ): Promise<RunTaps> {
    const files = new Map<string, TapFile | TableTap>();
    for (const [port, path] of paths) {
      const [mark] = store && epoch > 0 ? await store.loadManifest(WRITER + port, epoch, epoch + 1) : [];
      files.set(port, await openTap(plan, port, path, mark?.entry as TapMark | undefined, store !== undefined));
    }
    return new RunTaps(files, store);
  }

  /** A graph that is to take over has these ports; files that are open go on. */
  async add(plan: Plan, paths: ReadonlyMap<string, string>): Promise<void> {
    for (const [port, path] of paths)
      if (!this.#files.has(port))
        this.#files.set(port, await openTap(plan, port, path, undefined, this.#store !== undefined));
  }
  append(tap: Tap, keys: KeyTable): void {
    this.#files.get(`${tap.node}.${tap.port}`)?.append(tap, keys);
  }
  async committed(mark: CommitMark): Promise<void> {
    for (const [port, file] of this.#files)
      if (file instanceof TableTap) await file.drain();
      else if (this.#store) {
        file.sync();
        await this.#store.saveManifest(WRITER + port, mark.epoch, file.mark);
        await this.#store.keepManifest(WRITER + port, mark.epoch - 1, mark.epoch + 1);
      }
  }
  async close(): Promise<Record<string, TapFileResult>> {
    const results: Record<string, TapFileResult> = {};
    for (const [port, file] of this.#files) {
      results[port] = await file.close();
      this.#files.delete(port);
    }
    return results;
  }
  /** After a failure; nothing to do when they are closed. */
  async abort(): Promise<void> {
    for (const file of this.#files.values()) await (file instanceof TableTap ? file.abort() : file.close());
    this.#files.clear();
  }
}

/** All ports of a plan as `node.port`. */
export const portsOf = (plan: Plan): string[] => plan.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));

/**
 * The file of each port that is to be written.
 * @param others other graphs of the run may have ports that this one has not
 * @throws CHM902 unknown port, CHM903 one file for two
 */
export function tapPaths(plan: Plan, job: TapsJob, others = false): Map<string, string> {
  const known = portsOf(plan);
  const paths = new Map<string, string>();
  if (job.tapAll !== undefined) for (const port of known) paths.set(port, join(job.tapAll, `${port}.csv`));
  for (const [port, path] of Object.entries(job.taps ?? {})) {
    if (others && !known.includes(port)) continue;
    if (!known.includes(port))
      throw new ChimeraError('CHM902', `there is no port ${port} to tap`, { help: `ports are: ${known.join(', ')}` });
    paths.set(port, path);
  }
  if (job.tapAll !== undefined) mkdirSync(job.tapAll, { recursive: true });
  const ports = new Map<string, string>();
  for (const [port, path] of paths) {
    const other = ports.get(resolve(path));
    if (other !== undefined)
      throw new ChimeraError('CHM903', `${other} and ${port} cannot both be written to ${path}`, {
        file: path,
        help: 'give each tap a file of its own',
      });
    ports.set(resolve(path), port);
  }
  return paths;
}
async function openTap(
  plan: Plan,
  port: string,
  path: string,
  mark: TapMark | undefined,
  resumable: boolean,
): Promise<TapFile | TableTap> {
  const kind = extname(path);
  if (kind === '.csv') return TapFile.open(path, 'csv', mark);
  if (kind === '.jsonl') return TapFile.open(path, 'jsonl', mark);
  if (kind === '.parquet' || kind === '.arrow') {
    if (resumable)
      throw new ChimeraError('CHM903', `a run with durable state cannot tap into ${path}`, {
        file: path,
        help: 'Parquet and Arrow files appear whole at the end: tap into .csv or .jsonl, or leave --state out',
      });
    const [node, out] = port.split('.') as [string, string];
    const spec = plan.nodes.find((n) => n.id === node)!.outs.find((o) => o.port === out)!;
    return openTableTap(path, spec.schema);
  }
  throw new ChimeraError('CHM903', `cannot tap into ${path}`, {
    file: path,
    help: 'name the file .csv, .jsonl, .parquet or .arrow',
  });
}
