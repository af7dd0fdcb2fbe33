import type { MessagePort } from 'node:worker_threads';
import type { Run as EngineRun } from '../../graph/runner/runner.ts';
import type { Run, RunKind, RunState } from '../api/contract/records.ts';
import type { Bound } from '../api/ports.ts';
import type { RunJob } from '../run/run.ts';
import { graphOf, rulesOf, schemasOf, tradingPorts } from './describe-run.ts';
import { Observer, type ObserverOptions, type Offers } from './observer.ts';

export interface ObserveOptions {
  /** The line to the API. */
  readonly port: MessagePort;
  readonly id: string;
  readonly kind: RunKind;
  readonly profile: string | null;
  /** The document's own text, and what it is bound to. */
  readonly yaml: string;
  readonly bound: Bound;
  /** Folder in which the run is remembered. */
  readonly dir?: string | undefined;
  /** Folder of the run's store. */
  readonly state?: string | undefined;
  /** Lake that the run captures. */
  readonly capture?: string | undefined;
  readonly offers?: Offers;
  readonly clock?: () => number;
  readonly reconciler?: ObserverOptions['reconciler'];
}
export interface Observed<J> {
  readonly job: J;
  end(end: {
    state: RunState;
    figures?: Readonly<Record<string, number>>;
    parity?: Run['parity'];
    report?: string;
  }): void;
}

/** A job whose run is told of on a line. What it does is the same to the last byte; what is counted costs it next to nothing. */
export function observeJob<J extends Pick<RunJob, 'pipeline' | 'onRun' | 'onProgress' | 'count'>>(
  job: J,
  options: ObserveOptions,
): Observed<J> {
  let observer: Observer | undefined;
  let running: EngineRun | undefined;
  const started_ms = Date.now();
  const beginningOf = (run: EngineRun, yaml: string): ObserverOptions['beginning'] => {
    const { plan } = run;
    const { pipeline } = plan;
    return {
      run: {
        id: options.id,
        pipeline: pipeline.name,
        profile: options.profile,
        kind: options.kind,
        state: 'starting',
        graph_hash: pipeline.hash,
        started_ms,
        ended_ms: null,
        figures: {},
        parity: null,
        has_report: false,
      },
      graph: graphOf(pipeline, options.id, yaml, plan),
      rules: rulesOf(pipeline),
      bound: options.bound,
      schemas: schemasOf(plan),
      trading: tradingPorts(plan),
      ...(options.dir === undefined ? {} : { dir: options.dir }),
      ...(options.state === undefined ? {} : { state: options.state }),
      ...(options.capture === undefined ? {} : { capture: options.capture }),
    };
  };
  let { yaml } = options;
  const { reload } = options.offers ?? {};
  const offers: Offers = {
    ...options.offers,
    ...(reload
      ? {
          reload: async (...asked) => {
            try {
              const done = await reload(...asked);
              yaml = asked[0].yaml;
              return done;
            } finally {
              // Also a graph that was taken back has another engine.
              if (running) observer?.goOn(beginningOf(running, yaml), running.engine);
            }
          },
        }
      : {}),
  };
  const begin = (run: EngineRun) => {
    running = run;
    observer = new Observer({
      port: options.port,
      engine: run.engine,
      beginning: beginningOf(run, yaml),
      offers,
      ...(options.clock ? { clock: options.clock } : {}),
      reconciler: options.reconciler,
    });
  };
  return {
    job: {
      ...job,
      count: true,
      onRun: (run) => {
        begin(run);
        job.onRun?.(run);
      },
      onProgress: (p) => {
        observer?.see(p);
        job.onProgress?.(p);
      },
    },
    end: ({ state, figures = {}, parity, report }) =>
      observer?.end({
        state,
        figures,
        ...(parity === undefined ? {} : { parity }),
        ...(report === undefined ? {} : { report }),
      }),
  };
}
