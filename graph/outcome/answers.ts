import { encode } from '../codec/index.ts';
import type { Question } from '../engine/waiting.ts';
import type { Answer, Answering, AnyAsync, Call, Env } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { ChimeraError } from '../schema/index.ts';
import { answerOf, type Outcome, type OutcomeJournal, type QuestionId, questionText } from './journal.ts';
import type { Wall } from './wall.ts';

/** What a waiting cycle goes on with. */
export type Answered = { readonly answer: Answer<unknown> } | { readonly error: unknown };
type Settled =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'fallback' }
  | { readonly kind: 'error'; readonly error: unknown };

/**
 * Answers the questions of a run's asynchronous nodes: from the journal where it has them, else from outside, within the
 * deadline, and written down before anybody sees them.
 */
export class Answers {
  readonly #journal: OutcomeJournal;
  readonly #wall: Wall;
  readonly #open = new Map<string, Answering<unknown, unknown>>();
  /** Questions whose answer failed. A failed cycle is run again, and then asks again; what fails twice is an outcome. */
  readonly #failed = new Set<string>();

  constructor(journal: OutcomeJournal, wall: Wall) {
    this.#journal = journal;
    this.#wall = wall;
  }

  /**
   * Opens what a run may have to ask. A replay asks nobody.
   * @param before answers of a graph that this one takes the place of, with the nodes whose answering side goes on as it is
   */
  async open(
    plan: Plan,
    env: (node: PlanNode) => Env,
    before?: { readonly answers: Answers | undefined; readonly kept: readonly string[] },
  ): Promise<void> {
    if (this.#journal.closed) return;
    for (const n of plan.nodes) {
      const { type, config } = n.node;
      if (type.kind !== 'async') continue;
      const kept = before?.answers && before.kept.includes(n.id) ? before.answers.#open.get(n.id) : undefined;
      this.#open.set(n.id, kept ?? (await type.open(config, env(n))));
    }
  }
  /** @param kept what goes on answering under these stays open */
  async close(kept?: Answers): Promise<void> {
    const open = [...this.#open.values()];
    const others = kept ? [...kept.#open.values()] : [];
    this.#open.clear();
    for (const o of open) if (!others.includes(o)) await o.close?.();
  }
  committed(epoch: number): void {
    this.#journal.committed(epoch);
    this.#failed.clear();
  }

  /** @throws CHM746 when a finished run's journal lacks the question; what the journal itself throws */
  to(q: Question): Answered | Promise<Answered> {
    const id: QuestionId = {
      node: q.instance.plan.id,
      key: q.instance.key?.name ?? '',
      source: q.source,
      seq: q.seq,
    };
    let asked: number;
    try {
      asked = checksum(encode(q.question));
    } catch (error) {
      return { error };
    }
    const known = this.#journal.find(id, asked);
    if (known) return answered(known, q);
    if (this.#journal.closed)
      throw new ChimeraError(
        'CHM746',
        `the journal does not say what ${id.node} was told for what it asks in ${id.source} #${id.seq}`,
        {
          node: id.node,
          source: id.source,
          seq: id.seq,
          help: 'replay with the inputs, the graph and the outcomes of the same run',
        },
      );
    const call = new Asked(id.key);
    let given: unknown;
    try {
      given = this.#open.get(id.node)!.answer(q.question, call);
    } catch (error) {
      return this.#settle(id, asked, q, { kind: 'error', error });
    }
    if (!isPromise(given)) return this.#settle(id, asked, q, { kind: 'value', value: given });
    return this.#within(deadlineOf(q), given, call).then((settled) => this.#settle(id, asked, q, settled));
  }

  /** Whatever comes first. A rejection after the deadline interests nobody and must not end the process. */
  #within(us: number, given: Promise<unknown>, call: Asked): Promise<Settled> {
    return new Promise((done) => {
      const cancel = this.#wall.after(us, () => {
        done({ kind: 'fallback' });
        call.abort();
      });
      given.then(
        (value) => {
          cancel();
          done({ kind: 'value', value });
        },
        (error: unknown) => {
          cancel();
          done({ kind: 'error', error });
        },
      );
    });
  }

  #settle(id: QuestionId, asked: number, q: Question, settled: Settled): Answered {
    const outcome = this.#outcome(id, q, settled);
    if ('error' in outcome) return outcome;
    this.#journal.keep({ id, asked, now: q.now, outcome });
    // What the journal gives back, not what came: both ways give the same bits.
    return answered(outcome, q);
  }
  #outcome(id: QuestionId, q: Question, settled: Settled): Outcome | { readonly error: unknown } {
    if (settled.kind === 'fallback') return settled;
    let error: unknown;
    if (settled.kind === 'value')
      try {
        return { kind: 'value', bytes: encode(settled.value) };
      } catch (e) {
        error = e;
      }
    else error = settled.error;
    // With `stop` the run ends here, and a new start asks again. With `quarantine` it goes on without the instance, and a
    // replay has to as well.
    const text = questionText(id);
    if (q.instance.plan.node.onError === 'quarantine' && this.#failed.has(text)) return errorOutcome(error);
    this.#failed.add(text);
    return { error };
  }
}

/** Signals cost more than all the rest of a quick answer, so there is one only where somebody looks at it. */
class Asked implements Call {
  readonly key: string;
  #abort: AbortController | undefined;
  #aborted = false;
  constructor(key: string) {
    this.key = key;
  }
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted) this.#abort.abort();
    return this.#abort.signal;
  }
  abort(): void {
    this.#aborted = true;
    this.#abort?.abort();
  }
}

/** The codec ends with its own. */
const checksum = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 4, true);
const deadlineOf = (q: Question): number => {
  const { type, config, id } = q.instance.plan.node;
  const us = (type as AnyAsync).deadlineUs(config);
  if (us > 0 && Number.isFinite(us)) return us;
  throw new ChimeraError('CHM790', `${type.type} has no deadline: ${us} µs`, { node: id });
};
const isPromise = (x: unknown): x is Promise<unknown> =>
  typeof x === 'object' && x !== null && typeof (x as Promise<unknown>).then === 'function';

function errorOutcome(e: unknown): Outcome {
  const { code } = e as { code?: unknown };
  return {
    kind: 'error',
    code: typeof code === 'string' ? code : '',
    message: e instanceof Error ? e.message : String(e),
  };
}
function answered(outcome: Outcome, { instance, question }: Question): Answered {
  if (outcome.kind === 'value') return { answer: { value: answerOf(outcome), late: false } };
  if (outcome.kind === 'error')
    return { error: Object.assign(new Error(outcome.message), outcome.code ? { code: outcome.code } : {}) };
  const { type, config } = instance.plan.node;
  try {
    return { answer: { value: (type as AnyAsync).fallback(question, config), late: true } };
  } catch (error) {
    return { error };
  }
}
