/** How the double misbehaves with a request. */
export type Fault =
  /** Answers with a state; 503 by default. Nothing is carried out. */
  | { readonly kind: 'state'; readonly status?: number; readonly errorNum?: number; readonly message?: string }
  /** Cuts the connection before anything is carried out. */
  | { readonly kind: 'cut before' }
  /** Carries it out and cuts the connection in the middle of the answer. */
  | { readonly kind: 'cut within' }
  /** Carries it out and never answers. */
  | { readonly kind: 'silent' }
  /** Carries it out, sends half of the answer and nothing more. */
  | { readonly kind: 'stuck within' }
  /** Answers after so many milliseconds. */
  | { readonly kind: 'slow'; readonly ms: number };

export interface FaultRule {
  readonly fault: Fault;
  /** `POST /_api/cursor`: what the request must begin with; any by default. */
  readonly on?: string;
  /** How many times; once by default. */
  readonly times?: number;
  /** Requests that match and pass before it begins. */
  readonly after?: number;
  /** For requests of a stream transaction only. */
  readonly inTransaction?: boolean;
}
export const CONFLICT: Fault = { kind: 'state', status: 409, errorNum: 1200, message: 'write-write conflict' };

/** Rules in order of their making; the first that matches holds. */
export class Faults {
  #rules: { rule: FaultRule; left: number; skip: number }[] = [];
  add(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? 1, skip: rule.after ?? 0 });
  }
  clear(): void {
    this.#rules = [];
  }
  /** What is to happen with a request like `POST /_api/cursor`. */
  next(request: string, inTransaction: boolean): Fault | undefined {
    for (const r of this.#rules) {
      if (r.left === 0 || !request.startsWith(r.rule.on ?? '')) continue;
      if (r.rule.inTransaction && !inTransaction) continue;
      if (r.skip > 0) {
        r.skip--;
        continue;
      }
      r.left--;
      return r.rule.fault;
    }
    return undefined;
  }
}
