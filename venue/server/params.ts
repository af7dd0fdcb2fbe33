import { ApiError } from './contract.ts';

/** Parameters of one call. The readers answer a missing or malformed value as Binance does. */
export class Params {
  readonly #values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = values;
  }

  /** Undefined when absent; an empty value counts as sent. */
  get(name: string): string | undefined {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
  names(): string[] {
    return Object.keys(this.#values);
  }
  /** @throws −1102 when absent or empty */
  text(name: string): string {
    const v = this.get(name);
    if (v === undefined || v === '') throw mandatory(name);
    return v;
  }
  /** An optional whole number. @throws −1102 (not a number), −1130 (out of range) */
  int(name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const v = this.get(name);
    if (v === undefined) return undefined;
    if (!/^-?\d{1,16}$/.test(v)) throw malformed(name);
    const n = Number(v);
    if (n < min || n > max) throw new ApiError(-1130, `Data sent for parameter '${name}' is not valid.`);
    return n;
  }
  /** An optional boolean, `true` or `false` in any case. @throws −1102 */
  bool(name: string): boolean | undefined {
    const v = this.get(name)?.toLowerCase();
    if (v === undefined) return undefined;
    if (v !== 'true' && v !== 'false') throw malformed(name);
    return v === 'true';
  }
  /** One of the given words. @throws `code` (the market's own for this parameter) */
  oneOf<T extends string>(name: string, words: readonly T[], code: number, msg: string): T | undefined {
    const v = this.get(name);
    if (v === undefined) return undefined;
    if (!(words as readonly string[]).includes(v)) throw new ApiError(code, msg);
    return v as T;
  }
}

export const mandatory = (name: string): ApiError =>
  new ApiError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
const malformed = (name: string): ApiError =>
  new ApiError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
