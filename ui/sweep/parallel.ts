import { Worker } from 'node:worker_threads';
import { canonical } from '../../graph/document/hash.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ParameterSet } from './parameter-sets.ts';
import type { SweepOptions, SweepRun } from './run-sweep.ts';
import { shareInputs } from './shared-inputs.ts';
import type { WorkerAnswer, WorkerTask } from './worker.ts';

export interface ParallelSweep {
  /** One for each set. */
  pipelines: readonly Pipeline[];
  /** What each set is loaded from in a worker. */
  document: WorkerTask['document'];
  sets: readonly ParameterSet[];
  inputs: readonly string[];
  cache?: SweepOptions['cache'];
  jobs: number;
  seed?: number;
  signal?: AbortSignal;
}

/** The sets in worker threads, each a stretch of them, over inputs that are decoded once. Figures do not depend on `jobs`. */
export async function runParallel(o: ParallelSweep): Promise<SweepRun> {
  const shared = sameSources(o.pipelines)
    ? await shareInputs(o.pipelines[0]!, o)
    : { keys: [], files: {}, bad_input: [], remove: () => {} };
  try {
    const size = Math.ceil(o.sets.length / o.jobs);
    const stretches: ParameterSet[][] = [];
    for (let i = 0; i < o.sets.length; i += size) stretches.push(o.sets.slice(i, i + size));
    const runs = await Promise.all(
      stretches.map((sets) =>
        inWorker(
          { document: o.document, sets, inputs: o.inputs, seed: o.seed ?? 1, keys: shared.keys, files: shared.files },
          o.signal,
        ),
      ),
    );
    return {
      figures: runs.flatMap((r) => r.figures),
      events_in: runs[0]!.events_in,
      bad_input: shared.bad_input.length > 0 ? shared.bad_input : runs[0]!.bad_input,
      nodes: {
        all: runs.reduce((n, r) => n + r.nodes.all, 0),
        run: runs.reduce((n, r) => n + r.nodes.run, 0),
      },
    };
  } finally {
    shared.remove();
  }
}

/** Sources that are varied themselves are read by each worker. */
function sameSources(pipelines: readonly Pipeline[]): boolean {
  const form = (p: Pipeline) => canonical(p.nodes.filter((n) => n.type.kind === 'source').map((n) => [n.id, n.config]));
  return new Set(pipelines.map(form)).size === 1;
}

/** Workers run what was built, also when this runs from its source. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/ui/sweep/worker.js' : './worker.js',
  import.meta.url,
);

function inWorker(task: WorkerTask, signal: AbortSignal | undefined): Promise<SweepRun> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(SCRIPT, { workerData: task });
    const stop = (): void => void worker.terminate();
    signal?.addEventListener('abort', stop, { once: true });
    let answer: WorkerAnswer | undefined;
    worker.once('message', (m: WorkerAnswer) => {
      answer = m;
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      signal?.removeEventListener('abort', stop);
      if (answer && 'run' in answer) resolve(answer.run);
      else if (answer) reject(new ChimeraError(answer.code, answer.message, answer.details));
      else
        reject(
          new ChimeraError('CHM918', 'the sweep was interrupted', {
            help: 'run the same command again: nothing was kept',
          }),
        );
    });
  });
}
