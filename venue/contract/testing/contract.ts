import { AssertionError } from 'node:assert/strict';

/** Statements about one unified structure: each throws an AssertionError when the value breaks it. */
export type Rules<T> = Readonly<Record<string, (value: T) => void>>;

/**
 * The statements that a client may rely on, counted by their words: one that is made again, or of each of many rows, counts once.
 * A broken one does not end the flow that it is made in, so that a run shows all of them; `flow` throws with what broke.
 */
export class Contract {
  readonly #held = new Set<string>();
  readonly #broken = new Map<string, string>();
  /** Rule → the statements by it that are broken. */
  readonly #rules = new Map<string, Set<string>>();
  /** What the flow that runs has broken. */
  #here = new Set<string>();
  readonly #brokenIn = new Map<string, Set<string>>();

  /** Statements by their words: a rule of a structure once for each place where the structure is read. */
  get held(): number {
    return this.#held.size;
  }
  /** The same with a rule of a structure once, and not at all if it is broken anywhere. */
  get different(): number {
    return [...this.#rules.values()].filter((broken) => broken.size === 0).length;
  }
  get broken(): ReadonlyMap<string, string> {
    return this.#broken;
  }

  /** Makes one statement. Anything but a failed assertion passes through. */
  claim(statement: string, holds: () => void, rule = statement): void {
    try {
      holds();
    } catch (e) {
      if (!(e instanceof AssertionError)) throw e;
      this.#note(statement, e.message, rule);
      return;
    }
    if (this.#broken.has(statement)) return;
    this.#held.add(statement);
    this.#breakers(rule);
  }

  /** Makes every rule of a structure a statement about all of `values`; none at all breaks them. */
  all<T>(what: string, values: readonly T[], rules: Rules<T>): void {
    for (const [rule, holds] of Object.entries(rules))
      this.claim(
        `${what}: ${rule}`,
        () => {
          if (values.length === 0) throw new AssertionError({ message: 'nothing came' });
          for (const v of values) holds(v);
        },
        rule,
      );
  }

  /** States that a call is refused with one of ccxt's error classes, and what it says when `says` is given. */
  async refuses(statement: string, className: string, says: RegExp, call: () => Promise<unknown>): Promise<void> {
    let got = 'it was accepted';
    try {
      await call();
    } catch (e) {
      const { message, constructor: made } = e as Error;
      if (made.name === className && says.test(message)) {
        this.claim(statement, () => {});
        return;
      }
      got = `it was refused with ${made.name}: ${message}`;
    }
    this.#note(statement, `expected ${className} with ${says}, but ${got}`);
  }

  /**
   * Runs one flow. When it is tried again, what it broke before is forgotten: a machine that stands still makes a flow miss its
   * moment. @throws AssertionError that lists what broke
   */
  async flow(title: string, run: () => Promise<void>): Promise<void> {
    for (const statement of this.#brokenIn.get(title) ?? []) {
      this.#broken.delete(statement);
      for (const broken of this.#rules.values()) broken.delete(statement);
    }
    this.#here = new Set();
    this.#brokenIn.set(title, this.#here);
    try {
      await run();
    } finally {
      this.#settle();
    }
  }

  #settle(): void {
    if (this.#here.size === 0) return;
    const list = [...this.#here].map(
      (s) => `- ${s}\n    ${this.#broken.get(s)!.slice(0, 1200).replaceAll('\n', '\n    ')}`,
    );
    throw new AssertionError({ message: `${list.length} broken\n${list.join('\n')}` });
  }

  #breakers(rule: string): Set<string> {
    let broken = this.#rules.get(rule);
    if (broken === undefined) {
      broken = new Set();
      this.#rules.set(rule, broken);
    }
    return broken;
  }

  #note(statement: string, why: string, rule = statement): void {
    this.#breakers(rule).add(statement);
    this.#held.delete(statement);
    this.#broken.set(statement, why);
    this.#here.add(statement);
  }
}
