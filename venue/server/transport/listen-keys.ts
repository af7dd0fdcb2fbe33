import { randomBytes } from 'node:crypto';
import { ApiError } from '../contract.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 64 letters and digits, as keys of the exchange have. */
export function randomKey(length = 64): string {
  let key = '';
  // Bytes from 248 on would favour the first letters.
  while (key.length < length)
    for (const b of randomBytes(length)) if (b < 248 && key.length < length) key += LETTERS[b % 62];
  return key;
}

const VALID_MS = 3_600_000;

/** The listen key of the account: one at a time, valid for 60 minutes from its last POST or PUT. */
export class ListenKeys {
  #key = '';
  #until = 0;
  /** Told once when a key is no longer valid; `expired` false: the client deleted it. */
  onEnd: (key: string, expired: boolean) => void = () => {};

  /** A new key, or the one there is with its time renewed. */
  open(wallMs: number): string {
    this.sweep(wallMs);
    if (this.#key === '') this.#key = randomKey();
    this.#until = wallMs + VALID_MS;
    return this.#key;
  }
  /** @throws −1125 when there is none */
  renew(wallMs: number): string {
    this.sweep(wallMs);
    if (this.#key === '') throw new ApiError(-1125, 'This listenKey does not exist.');
    this.#until = wallMs + VALID_MS;
    return this.#key;
  }
  close(): void {
    if (this.#key !== '') this.#end(false);
  }
  /** Ends the key as if its time were over. */
  expire(): void {
    if (this.#key !== '') this.#end(true);
  }
  valid(key: string, wallMs: number): boolean {
    this.sweep(wallMs);
    return key !== '' && key === this.#key;
  }
  sweep(wallMs: number): void {
    if (this.#key !== '' && wallMs >= this.#until) this.#end(true);
  }
  #end(expired: boolean): void {
    const key = this.#key;
    this.#key = '';
    this.onEnd(key, expired);
  }
}
