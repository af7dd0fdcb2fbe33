import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Users } from './users.ts';

/** Without characters that look alike. */
const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789';
const LETTERS_OF_CODE = 16;
/** Wrong codes before the code itself is void: with 78 bits nobody gets near, and a script that tries is stopped. */
const TRIES = 20;

/** The one-time code that makes the first administrator: known to who started the program, and to nobody else. */
export class SetupCode {
  readonly #users: Users;
  readonly #code: string;
  #tries = 0;
  #used = false;
  constructor(users: Users) {
    this.#users = users;
    this.#code = newCode();
  }
  get needed(): boolean {
    return this.#users.none;
  }
  /** To be printed; undefined when there are users. */
  get code(): string | undefined {
    return this.needed && !this.#used ? this.#code.replace(/(.{4})(?=.)/g, '$1-') : undefined;
  }
  /** Takes the code: the right one works once. */
  take(given: string): boolean {
    const clean = given.toUpperCase().replace(/[^A-Z0-9]/g, '');
    if (!this.needed || this.#used || this.#tries >= TRIES || clean.length !== this.#code.length) return false;
    this.#tries++;
    this.#used = timingSafeEqual(Buffer.from(clean), Buffer.from(this.#code));
    return this.#used;
  }
  /** What it was taken for did not come about. */
  giveBack(): void {
    this.#used = false;
  }
}

/** Each letter from a byte below the largest multiple of their number: all equally likely. */
function newCode(): string {
  const limit = 256 - (256 % LETTERS.length);
  let code = '';
  while (code.length < LETTERS_OF_CODE)
    for (const b of randomBytes(LETTERS_OF_CODE))
      if (b < limit && code.length < LETTERS_OF_CODE) code += LETTERS[b % LETTERS.length];
  return code;
}
