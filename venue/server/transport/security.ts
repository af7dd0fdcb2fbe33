import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from '../contract.ts';
import { mandatory } from '../params.ts';

const DEFAULT_WINDOW_MS = 5000;
const MOST_WINDOW_MS = 60_000;
/** How far a client's clock may be ahead. */
const AHEAD_MS = 1000;

/** HMAC-SHA256 in hexadecimal. */
export const sign = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(payload).digest('hex');

/** The one account's credentials, and the checks of keyed and signed requests. */
export class Security {
  readonly #apiKey: string;
  readonly #secret: string;
  constructor(account: { apiKey: string; secret: string }) {
    this.#apiKey = account.apiKey;
    this.#secret = account.secret;
  }

  /** @throws −2014 (no key, or not a key's form), −2015 (another's) */
  checkKey(key: string | undefined): void {
    if (key !== undefined && equalText(key, this.#apiKey)) return;
    // A key of Binance has 64 letters and digits.
    if (key !== undefined && /^[A-Za-z0-9]{64}$/.test(key))
      throw new ApiError(-2015, 'Invalid API-key, IP, or permissions for action.', 401);
    throw new ApiError(-2014, 'API-key format invalid.', 401);
  }

  /**
   * Time window and signature. The signature must be over one of `payloads`.
   * @throws −1102 (timestamp or signature missing), −1131 (recvWindow), −1021 (outside of the window), −1022 (signature)
   */
  checkSigned(
    values: Readonly<Record<string, string>>,
    payloads: readonly string[],
    signature: string | undefined,
    wallMs: number,
  ): void {
    this.checkTime(values, wallMs);
    if (signature === undefined || signature === '') throw mandatory('signature');
    for (const payload of payloads) if (equalText(signature.toLowerCase(), sign(this.#secret, payload))) return;
    throw new ApiError(-1022, 'Signature for this request is not valid.');
  }

  /** @throws −1102, −1131, −1021 */
  checkTime(values: Readonly<Record<string, string>>, wallMs: number): void {
    const text = values['timestamp'];
    if (text === undefined || !/^\d{1,17}$/.test(text)) throw mandatory('timestamp');
    // Microseconds are accepted: 16 digits until the year 2286.
    const timestamp = text.length >= 16 ? Number(text) / 1000 : Number(text);
    const window = recvWindow(values['recvWindow']);
    if (timestamp >= wallMs + AHEAD_MS)
      throw new ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
    if (wallMs - timestamp > window)
      throw new ApiError(-1021, 'Timestamp for this request is outside of the recvWindow.');
  }
}

function recvWindow(text: string | undefined): number {
  if (text === undefined) return DEFAULT_WINDOW_MS;
  // Spot takes three decimals (microseconds).
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(text)) throw mandatory('recvWindow');
  const window = Number(text);
  if (window > MOST_WINDOW_MS) throw new ApiError(-1131, "'recvWindow' must be less than 60000.");
  return window;
}

/** Compares without telling by its time where texts differ. */
function equalText(a: string, b: string): boolean {
  const x = Buffer.from(a);
  const y = Buffer.from(b);
  return x.length === y.length && timingSafeEqual(x, y);
}
