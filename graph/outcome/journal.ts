import { decode } from '../codec/index.ts';

/** Names one question for good: an instance runs once in a cycle, and a cycle is named by its cause. */
export interface QuestionId {
  readonly node: string;
  /** Name of the instance's instrument; '' on unkeyed nodes. */
  readonly key: string;
  /** Source or node that caused the cycle, and its number there. */
  readonly source: string;
  readonly seq: number;
}
/** What lay between `ask` and `step`. The fallback's value is not in it: it is a function of the question. */
export type Outcome =
  | { readonly kind: 'value' /** The answer, as the state codec writes it. */; readonly bytes: Uint8Array }
  | { readonly kind: 'fallback' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };
export interface OutcomeRecord {
  readonly id: QuestionId;
  /**
   * CRC-32C of the question. A loss of power can take inputs whose outcomes are on disk; what arrives under their numbers
   * afterwards asks something else, and must be answered for itself.
   */
  readonly asked: number;
  /** Engine time of the question, µs. */
  readonly now: number;
  /** Commit behind which it was asked. */
  readonly epoch: number;
  readonly outcome: Outcome;
}

/**
 * What asynchronous nodes were told. It is written before the node goes on, so a run that comes the same way again (after a
 * failed cycle, after a crash, in a replay) takes the same branch without asking.
 */
export interface OutcomeJournal {
  /** It holds the outcomes of a run that is over: a question that is not in it must not be asked. */
  readonly closed: boolean;
  find(id: QuestionId, asked: number): Outcome | undefined;
  /** The outcome survives a crash when this returns. */
  keep(record: Omit<OutcomeRecord, 'epoch'>): void;
  /** A commit is durable: what was found or kept until now is not needed again. */
  committed(epoch: number): void;
}

export interface OutcomesOptions {
  /** Outcomes of an earlier run, or of this one before it stopped. */
  records?: Iterable<OutcomeRecord>;
  /** See `OutcomeJournal.closed`. */
  closed?: boolean;
  /** Commit that the run goes on from. */
  epoch?: number;
  /** Makes a new outcome durable. */
  write?: (record: OutcomeRecord) => void;
}

/** Outcomes since the last commit, and those yet to come again, by question. What it writes through to is the caller's. */
export class Outcomes implements OutcomeJournal {
  readonly closed: boolean;
  readonly #known = new Map<string, { readonly asked: number; readonly outcome: Outcome }>();
  readonly #write: ((record: OutcomeRecord) => void) | undefined;
  #used: string[] = [];
  #epoch: number;

  constructor(options: OutcomesOptions = {}) {
    this.closed = options.closed ?? false;
    this.#epoch = options.epoch ?? 0;
    this.#write = options.write;
    for (const r of options.records ?? []) this.#known.set(questionText(r.id), r);
  }
  find(id: QuestionId, asked: number): Outcome | undefined {
    const text = questionText(id);
    const known = this.#known.get(text);
    if (known?.asked !== asked) return undefined;
    this.#used.push(text);
    return known.outcome;
  }
  keep(record: Omit<OutcomeRecord, 'epoch'>): void {
    this.#write?.({ ...record, epoch: this.#epoch });
    const text = questionText(record.id);
    this.#known.set(text, record);
    this.#used.push(text);
  }
  committed(epoch: number): void {
    this.#epoch = epoch;
    for (const text of this.#used) this.#known.delete(text);
    this.#used = [];
  }
}

/** Nobody is asked, the fallback counts: for runs that must not reach outside, such as pipeline tests. */
export const FALLBACKS: OutcomeJournal = {
  closed: true,
  find: () => ({ kind: 'fallback' }),
  keep: () => {},
  committed: () => {},
};

export const answerOf = (outcome: Outcome & { kind: 'value' }): unknown => decode(outcome.bytes);
/** As the key of a map. */
export const questionText = (id: QuestionId): string => `${id.node}\n${id.key}\n${id.source}\n${id.seq}`;
