import type { Waiting } from '../engine/waiting.ts';
import type { Answers } from '../outcome/answers.ts';

/**
 * Drives cycles that stop at questions to their end. Answers that are there already cost no turn of the event loop.
 * @param failed wraps what a cycle throws, so that it is told from what the journal of the answers throws
 */
export async function waitCycles<T>(cycles: Waiting<T>, answers: Answers, failed: (e: unknown) => Error): Promise<T> {
  const go = <R>(step: () => R): R => {
    try {
      return step();
    } catch (e) {
      throw failed(e);
    }
  };
  let at = go(() => cycles.next());
  while (!at.done) {
    const given = answers.to(at.value);
    const answered = given instanceof Promise ? await given : given;
    at = go(() => ('error' in answered ? cycles.throw(answered.error) : cycles.next(answered.answer)));
  }
  return at.value;
}
