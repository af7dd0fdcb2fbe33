import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { LiveOptions } from './live-run.ts';

export interface BusOptions extends LiveOptions {
  bus?: string;
  service?: string[];
  all?: boolean;
  prefix?: string;
  metrics?: string;
  untilStdinEnds?: boolean;
  commitMs?: number;
  leaseMs?: number;
  session?: string;
  final?: boolean;
}

/** @throws CHM912 options that do not go together */
export function refuseTogether(pipeline: Pipeline, options: BusOptions): void {
  const wrong = (what: string, help: string): never => {
    throw new ChimeraError('CHM912', what, { help });
  };
  if (Object.keys(pipeline.services).length === 0)
    wrong(`pipeline ${pipeline.name} has no services`, 'list them under `services:`, or leave --bus out');
  if (options.capture !== undefined && !pipeline.live)
    wrong('--capture does not go with --bus', 'capture in an embedded run, or with a live profile');
  if (pipeline.live && options.service && pipeline.live.connection === 'local' && options.connect === undefined)
    wrong(
      'services that run one by one share a venue that runs already',
      'start `chimera venue`, keep its first line in a file that only you can read, and name it with --connect',
    );
  if (options.pace !== undefined) wrong('--pace does not go with --bus', 'leave it out');
  if (options.metrics !== undefined && !options.service)
    wrong('--metrics needs --service', 'name the services of this process; with --all each is a process of its own');
  if (options.service && options.all) wrong('--service and --all exclude each other', 'leave one of them out');
}
