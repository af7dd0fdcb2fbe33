import { Worker } from 'node:worker_threads';
import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ParameterSet } from './parameter-sets.ts';
import { runSweep, type SweepOptions, type SweepRun } from './run-sweep.ts';
import { openShared, type SharedInputs, shareInputs, sourcesOf } from './shared-inputs.ts';
import type { WorkerAnswer, WorkerInputs, WorkerTask } from './worker.ts';

export interface ParallelSweep {
  /** The pipeline of a set. @throws CHM914 having told what is wrong with it */
  read(set: ParameterSet): Pipeline;
  /** What each set is loaded from in a worker. */
  document: WorkerTask['document'];
  sets: readonly ParameterSet[];
  inputs: readonly string[];
  cache?: SweepOptions['cache'];
  jobs: number;
  seed?: number;
  signal?: AbortSignal;
}

/**
 * The sets in stretches: the first in this thread, each other one in a worker, over inputs that are decoded once. Workers load what they
 * run while the inputs are decoded. Figures do not depend on `jobs`.
 */
export async function runParallel(o: ParallelSweep): Promise<SweepRun> {
  const { inputs: paths, cache, seed = 1 } = o;
  const size = Math.ceil(o.sets.length / o.jobs);
  const stretches: ParameterSet[][] = [];
  for (let i = 0; i < o.sets.length; i += size) stretches.push(o.sets.slice(i, i + size));
  // One that fails ends all.
  const ending = new AbortController();
  const signal = o.signal ? AbortSignal.any([o.signal, ending.signal]) : ending.signal;
  const workers = stretches
    .slice(1)
    .map((sets) => new SweepWorker({ document: o.document, sets, inputs: paths, seed, cache }, o.read, signal));
  let shared: SharedInputs | undefined;
  let own: Promise<SweepRun> | undefined;
  try {
    const pipelines = stretches[0]!.map(o.read);
    // Sources that are varied themselves are read by each thread.
    const sources = sourcesOf(pipelines);
    if (sources !== undefined) shared = await shareInputs(pipelines[0]!, o);
    const inputs = { keys: shared?.keys ?? [], files: shared?.files ?? {}, sources };
    const others = workers.map((w) => w.run(inputs));
    own = runSweep(pipelines, { inputs: paths, seed, cache, signal, ...openShared(inputs) });
    const runs = await Promise.all([own, ...others]);
    return {
      figures: runs.flatMap((r) => r.figures),
      events_in: runs[0]!.events_in,
      bad_input: shared && shared.bad_input.length > 0 ? shared.bad_input : runs[0]!.bad_input,
      nodes: {
        all: runs.reduce((n, r) => n + r.nodes.all, 0),
        run: runs.reduce((n, r) => n + r.nodes.run, 0),
      },
    };
  } finally {
    ending.abort();
    // Nobody reads any more.
    await Promise.allSettled([own, ...workers.map((w) => w.ended)]);
    shared?.remove();
  }
}

/** What is wrong with a set, told by the thread that tells everything. */
function explained(read: ParallelSweep['read'], set: ParameterSet): unknown {
  try {
    read(set);
  } catch (e) {
    return e;
  }
  return new Error(`set ${JSON.stringify(set)} was read here, and not in its worker`);
}

/** Workers run what was built, also when this runs from its source. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/ui/sweep/worker.js' : './worker.js',
  import.meta.url,
);

/** Begins to load its pipelines at once, and runs them when it is told where the inputs are. */
class SweepWorker {
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #answer: Promise<SweepRun>;
  constructor(task: WorkerTask, read: ParallelSweep['read'], signal: AbortSignal) {
    const worker = new Worker(SCRIPT, { workerData: task });
    this.#worker = worker;
    const stop = (): void => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.ended = new Promise((done) => worker.once('exit', () => done()));
    this.#answer = new Promise((resolve, reject) => {
      worker.once('message', (m: WorkerAnswer) => {
        if ('run' in m) resolve(m.run);
        else if ('set' in m) reject(explained(read, m.set));
        else reject(new ChimeraError(m.code, m.message, m.details));
      });
      worker.once('error', reject);
      worker.once('exit', () => {
        signal.removeEventListener('abort', stop);
        reject(
          new ChimeraError('CHM918', 'the sweep was interrupted', {
            help: 'run the same command again: nothing was kept',
          }),
        );
      });
    });
    // Nobody may be waiting for it any more.
    this.#answer.catch(() => undefined);
  }
  run(inputs: WorkerInputs): Promise<SweepRun> {
    this.#worker.postMessage(inputs);
    return this.#answer;
  }
}
