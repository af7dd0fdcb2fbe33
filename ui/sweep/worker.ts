import { parentPort, workerData } from 'node:worker_threads';
import { pipelineReader } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError, type ErrorDetails } from '../../graph/schema/index.ts';
import { registry } from '../cli/registry.ts';
import type { ParameterSet } from './parameter-sets.ts';
import { runSweep, type SweepOptions, type SweepRun } from './run-sweep.ts';
import { openShared, type SharedInputs, sourcesOf } from './shared-inputs.ts';

/** What is sent to a worker once the inputs are decoded. */
export interface WorkerInputs extends Pick<SharedInputs, 'keys' | 'files'> {
  /** The sources that they are of; one of other sources reads its own. */
  sources: string | undefined;
}
export interface WorkerTask {
  document: {
    text: string;
    file: string;
    sets: Readonly<Record<string, string>>;
    profile?: { text: string; file: string };
  };
  sets: readonly ParameterSet[];
  inputs: readonly string[];
  seed: number;
  cache: SweepOptions['cache'];
}
/** `set`: one that cannot be read. */
export type WorkerAnswer =
  | { run: SweepRun }
  | { set: ParameterSet }
  | { code: string; message: string; details: ErrorDetails };

async function work(task: WorkerTask, inputs: Promise<WorkerInputs>): Promise<WorkerAnswer> {
  try {
    const { text, file, sets, profile } = task.document;
    const read = pipelineReader(text, file, registry);
    const pipelines: Pipeline[] = [];
    for (const set of task.sets) {
      const { pipeline } = read({ sets: { ...sets, ...set }, ...(profile ? { profile } : {}) });
      if (!pipeline) return { set };
      pipelines.push(pipeline);
    }
    const decoded = await inputs;
    const shared = decoded.sources !== undefined && decoded.sources === sourcesOf(pipelines);
    return {
      run: await runSweep(pipelines, {
        inputs: task.inputs,
        seed: task.seed,
        cache: task.cache,
        ...(shared ? openShared(decoded) : {}),
      }),
    };
  } catch (e) {
    if (!(e instanceof ChimeraError)) throw e;
    const { code, message, where, help } = e;
    return { code, message, details: { ...where, ...(help === undefined ? {} : { help }) } };
  }
}

if (parentPort) {
  const port = parentPort;
  const inputs = new Promise<WorkerInputs>((resolve) => port.once('message', resolve));
  port.postMessage(await work(workerData as WorkerTask, inputs));
  // The listener has gone with its message, or the pipelines were not to be had: nothing is to keep the thread.
  port.close();
}
