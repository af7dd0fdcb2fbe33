import { pipelineOf } from '../config/lint-yaml.ts';
import type { CallName, Kept, RunCalls } from '../ports.ts';
import { dryRun } from '../tasks/dry-run.ts';
import { Inspector } from './inspector.ts';

/** Questions about the past: they are answered here, whether the run goes on or not. */
const PAST = ['node', 'moment', 'dryRun'] as const satisfies readonly CallName[];
type Past = (typeof PAST)[number];

/** What can be asked about the past of a run: nothing of it takes the thread of its engine. */
export class PastCalls {
  readonly #kept: () => Kept;
  #inspector: Inspector | undefined;
  constructor(kept: () => Kept) {
    this.#kept = kept;
  }
  /** @param state folder of the run */
  static has(call: CallName, state: string | undefined): call is Past {
    return (PAST as readonly CallName[]).includes(call) && Inspector.has(state);
  }
  call<N extends CallName>(name: N, args: Parameters<RunCalls[N]>): Promise<Awaited<ReturnType<RunCalls[N]>>> {
    const calls: { [P in Past]: (...a: Parameters<RunCalls[P]>) => ReturnType<RunCalls[P]> } = {
      node: (request) => this.#machine().node(request),
      moment: (request) => this.#machine().moment(request),
      dryRun: ({ yaml, hours }, signal) => {
        const { yaml: running, bound, state, capture } = this.#kept();
        return dryRun({ running, candidate: yaml, bound, state, capture, hours, signal });
      },
    };
    const work = calls[name as Past] as (...a: readonly unknown[]) => Promise<never>;
    return work(...args);
  }
  async close(): Promise<void> {
    await this.#inspector?.close();
  }
  #machine(): Inspector {
    const { state, capture } = this.#kept();
    this.#inspector ??= new Inspector(
      state,
      () => {
        const { yaml, bound } = this.#kept();
        return pipelineOf(yaml, bound);
      },
      capture,
    );
    return this.#inspector;
  }
}
