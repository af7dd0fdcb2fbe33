import { createHash } from 'node:crypto';
import { ApiError } from '../problem.ts';
import type { ApiDatabase } from './api-database.ts';

export interface Answer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}
/** Answers to commands are kept this long. */
const KEPT_MS = 24 * 3600_000;

/** Answers to commands by sender and idempotency key: the same command again gets the same answer and is not done again. */
export class Answers {
  readonly #db: ApiDatabase;
  readonly #now: () => number;
  readonly #open = new Set<string>();
  constructor(db: ApiDatabase, now: () => number) {
    this.#db = db;
    this.#now = now;
  }
  /**
   * @returns the kept answer, or undefined: then the command is this caller's to do, and to `keep` or `drop`
   * @throws CHM1114 the key was another command's, CHM1115 it is being done
   */
  begin(id: string, request: string): Answer | undefined {
    const found = this.#db.get<{ request: string; status: number; body: string }>(
      'SELECT request, status, body FROM answers WHERE id = ?',
      id,
    );
    if (found) {
      if (found.request !== request)
        throw new ApiError('CHM1114', 'this idempotency key was used for another command', {
          help: 'make a new key for each command',
        });
      return { status: found.status, body: found.body };
    }
    if (this.#open.has(id))
      throw new ApiError('CHM1115', 'this command is being worked on', { retryAfterS: 1, help: 'ask again later' });
    this.#open.add(id);
    return undefined;
  }
  keep(id: string, request: string, answer: Answer): void {
    this.#open.delete(id);
    const now = this.#now();
    this.#db.run('DELETE FROM answers WHERE at_ms < ?', now - KEPT_MS);
    this.#db.run('INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)', id, request, answer.status, answer.body, now);
  }
  drop(id: string): void {
    this.#open.delete(id);
  }
}

export const digestOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');
