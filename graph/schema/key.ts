import { ChimeraError } from './error.ts';

/** What the engine knows of one key, e.g. the instrument `usdm:BTCUSDT`. Digits are known before the key's first event. */
export interface KeyInfo {
  readonly index: number;
  readonly name: string;
  readonly pxDigits: number;
  readonly qtyDigits: number;
  readonly pxScale: number;
  readonly qtyScale: number;
}

/** Interns keys: every event carries the small integer, never the text. */
export class KeyTable {
  readonly list: KeyInfo[] = [];
  readonly #byName = new Map<string, KeyInfo>();

  /** Declares a key, or returns it. Digits given again must be the same: integers in flight depend on them (CHM720). */
  declare(name: string, pxDigits = 0, qtyDigits = 0): KeyInfo {
    const known = this.#byName.get(name);
    if (known) {
      if (known.pxDigits !== pxDigits || known.qtyDigits !== qtyDigits)
        throw new ChimeraError('CHM720', `instrument ${name} changes its decimals within a run`, {
          help: 'give all inputs of the run at once, so that their decimals are taken together',
        });
      return known;
    }
    const info: KeyInfo = Object.freeze({
      index: this.list.length,
      name,
      pxDigits,
      qtyDigits,
      pxScale: 10 ** pxDigits,
      qtyScale: 10 ** qtyDigits,
    });
    this.list.push(info);
    this.#byName.set(name, info);
    return info;
  }
  find(name: string): KeyInfo | undefined {
    return this.#byName.get(name);
  }
  at(index: number): KeyInfo {
    return this.list[index]!;
  }
}
