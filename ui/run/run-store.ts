import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { openStore, type StoreAccess } from '../../sinks/run-store.ts';
import type { RunStore, StoreChoice } from '../../sinks/store/index.ts';

export interface StoreJob {
  pipeline: { readonly name: string; readonly hash: string };
  inputs: readonly string[];
  seed?: number;
  /** Folder that makes the run survive its process. */
  state?: string;
  /** A database for documents and checkpoints; default: the embedded store of the folder. */
  store?: StoreChoice;
  /** Begins with the first input whatever is stored of an earlier life; documents are written once more. */
  anew?: boolean;
}

/** The database of a run as its sinks get it; undefined for the embedded store. */
export function storeAccess(job: StoreJob): StoreAccess | undefined {
  return job.store && { ...job.store, scope: `${runOf(job)}/${job.pipeline.name}/` };
}

/**
 * Opens the store of a run, or the one that is named by `dir` within its folder, and claims a database for the run.
 * @returns undefined when nothing of the run survives its process
 * @throws CHM945 when the database holds another run of the pipeline
 */
export async function openStoreOfRun(job: StoreJob, dir = job.state): Promise<RunStore | undefined> {
  const access = storeAccess(job);
  if (!access) return dir === undefined ? undefined : openStore(dir);
  const store = await openStore(dir, access);
  try {
    await claim(job, access);
    return store;
  } catch (e) {
    await store.close();
    throw e;
  }
}

/** Keys of documents are the same in every run of a pipeline: a database has room for one. */
async function claim(job: StoreJob, access: StoreAccess): Promise<void> {
  const { name } = job.pipeline;
  const everybody = await openStore(undefined, { ...access, scope: '' });
  const writer = `run:${name}`;
  const run = runOf(job);
  try {
    const [there] = await everybody.loadManifest(writer);
    if (!there) await everybody.saveManifest(writer, 1, { run });
    else if ((there.entry as { run: string }).run !== run)
      throw new ChimeraError('CHM945', `${access.address} holds another run of pipeline ${name}`, {
        help: 'name a database of its own at the end of the address, or the --state folder of the run that is to go on',
      });
  } finally {
    await everybody.close();
  }
}

/** What tells a run from others of its pipeline. */
function runOf({ pipeline, inputs, seed, state, anew }: StoreJob): string {
  if (state !== undefined) return runIdOf(state);
  if (!anew) return '';
  const what = JSON.stringify([pipeline.hash, inputs, seed ?? null]);
  return `anew-${createHash('sha256').update(what).digest('hex').slice(0, 16)}`;
}

/** The id of the run that a state folder belongs to; made at its first start, by whichever process comes first. */
export function runIdOf(state: string): string {
  const file = join(state, 'run-id');
  mkdirSync(state, { recursive: true });
  const id = randomUUID();
  const whole = `${file}.${id}`;
  writeFileSync(whole, `${id}\n`);
  try {
    // Whole or not there: another process never reads half of it.
    linkSync(whole, file);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
  } finally {
    rmSync(whole, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}
