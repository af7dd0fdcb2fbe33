import { z } from 'zod';
import { SORTS } from '../../sweep/table.ts';
import { pipelineOf } from '../config/lint-yaml.ts';
import type { Kept, RunHandle } from '../ports.ts';
import { id, type Route, route, us, yaml } from '../route.ts';
import { Inspector } from '../runs/inspector.ts';
import { experiment } from '../tasks/experiment.ts';
import { recompute } from '../tasks/recompute.ts';
import { replayBound } from '../tasks/replay-bound.ts';
import { simulate } from '../tasks/simulate.ts';
import { lacks } from './runs.ts';
import { liveRun } from './trading.ts';

/** A parameter of a document, and values of it as `chimera sweep --vary` reads them. */
const parameter = z.string().regex(/^[a-z]\w{0,63}$/i, 'the name of a parameter');
const values = z
  .string()
  .max(200)
  .regex(/^[\d.,:+eE-]+$/, 'numbers: 5..20, 5..50:5 or 5,8,13');
const node = z.string().regex(/^\w{1,64}(\.\w{1,64})?$/, 'a node, or a port as node.port');
const most = { codes: ['CHM1121', 'CHM1139'], status: 202 } as const;

/** Work over what runs have written down. Each is a job in a process of its own; nothing of it reaches a venue. */
export const past: readonly Route[] = [
  route({
    method: 'POST',
    path: '/features/recompute',
    service: 's2',
    rule: 'research',
    summary: 'computes features of a past range again and compares them with those that were stored then; a job',
    body: z.strictObject({
      run: id.optional(),
      from_us: us.default(0),
      to_us: us.default(Number.MAX_SAFE_INTEGER),
      nodes: z.array(node).max(50).default([]),
    }),
    ...most,
    handle: ({ api, body, who, correlation }) => {
      const run = liveRun(api, body.run);
      const kept = pastOf(run);
      const { from_us, to_us, nodes } = body;
      return api.jobs.begin({
        what: 'features/recompute',
        by: who.name,
        correlation,
        work: (signal) => recompute({ kept, from_us, to_us, nodes, signal }),
      });
    },
  }),
  route({
    method: 'POST',
    path: '/experiments/run',
    service: 's9',
    rule: 'research',
    summary: 'a document under many parameter sets over what a run has heard, best first; a job',
    body: z.strictObject({
      run: id.optional(),
      yaml: yaml.optional(),
      vary: z
        .record(parameter, values)
        .refine((v) => Object.keys(v).length > 0 && Object.keys(v).length <= 6, 'one to six parameters'),
      sort: z.enum(SORTS).default('sharpe'),
    }),
    ...most,
    handle: ({ api, body, who, correlation }) => {
      const run = liveRun(api, body.run);
      const kept = pastOf(run);
      const text = body.yaml ?? kept.yaml;
      pipelineOf(text, replayBound(kept));
      const { vary, sort } = body;
      return api.jobs.begin({
        what: 'experiments/run',
        by: who.name,
        correlation,
        work: (signal) => experiment({ kept, yaml: text, vary, sort, signal }),
      });
    },
  }),
  route({
    method: 'POST',
    path: '/simulate',
    service: 's10',
    rule: 'research',
    summary: 'the active document and another over what a run has heard, against the simulated venue; a job',
    body: z.strictObject({ run: id.optional(), yaml }),
    ...most,
    handle: ({ api, body, who, correlation }) => {
      const run = liveRun(api, body.run);
      const kept = pastOf(run);
      pipelineOf(body.yaml, replayBound(kept));
      return api.jobs.begin({
        what: 'simulate',
        by: who.name,
        correlation,
        work: (signal) => simulate({ kept, proposed: body.yaml, signal }),
      });
    },
  }),
];

function pastOf(run: RunHandle): Kept {
  const kept = run.kept();
  if (kept && Inspector.has(kept.state)) return kept;
  throw lacks(run, 'past to run again', 'this is for runs with a state folder that keep a journal');
}
