import type { Answer, AnyAsync } from '../node.ts';
import { ChimeraError } from '../schema/index.ts';
import type { Instance } from './instance.ts';

/** What an instance asks in the middle of a cycle. The cycle has a name of its own, and an instance runs once in it. */
export interface Question {
  readonly instance: Instance;
  readonly question: unknown;
  /** Name of the source or node that caused the cycle, and its number there. */
  readonly source: string;
  readonly seq: number;
  /** Engine time, µs. */
  readonly now: number;
}

/**
 * Cycles that can stop at a question: whoever drives them hands the answer in and they go on where they were, with nothing
 * having run in between. Generators, so that the engine itself stays without promises, and plans without such nodes
 * without any of it.
 */
export type Waiting<T> = Generator<Question, T, Answer<unknown>>;

/** One run of an asynchronous node: ask, wait if something was asked, step. */
export function* askAndStep(i: Instance): Waiting<void> {
  const type = i.plan.node.type as AnyAsync;
  const question: unknown = type.ask(i.state, i.tick as never, i.config, i.ctx);
  let answer: Answer<unknown> | undefined;
  if (question !== undefined) {
    const { clock } = i.ctx;
    answer = yield { instance: i, question, source: clock.causes[clock.cause]!, seq: clock.seq, now: clock.now };
  }
  type.step(i.state, i.tick as never, i.config, i.emit, i.ctx, answer);
}

export const isWaiting = (i: Instance): boolean => i.type.kind === 'async';

/** For callers that cannot wait. */
export function refuseWaiting(nodes: readonly string[]): never {
  throw new ChimeraError('CHM790', `${nodes.join(', ')} wait for answers within their cycles`, {
    node: nodes[0]!,
    help: 'run the pipeline with a runner: only it can wait',
  });
}
