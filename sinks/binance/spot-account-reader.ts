import { ChimeraError } from '../../graph/schema/index.ts';
import type { GatewayReader } from './gateway-account.ts';
import type { Rest } from './rest.ts';
import type { Balance, SpotAccount } from './spot-account.ts';

interface Answered {
  readonly balances?: readonly Balance[];
  readonly updateTime?: number | string;
  readonly canTrade?: boolean;
}

/** Reads the balances of the Spot account by REST: what a stream that was down did not say. */
export class SpotAccountReader implements GatewayReader {
  readonly #rest: Rest;
  readonly #account: SpotAccount;
  readonly #symbols: () => readonly string[];
  #reading: Promise<boolean> | undefined;
  failures = 0;

  constructor(rest: Rest, account: SpotAccount, symbols: () => readonly string[]) {
    this.#rest = rest;
    this.#account = account;
    this.#symbols = symbols;
  }
  read(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }
  async #read(): Promise<boolean> {
    const a = await this.#rest.call('privateGetAccount', {});
    const { balances, updateTime } = a.ok ? (a.body as Answered) : {};
    const timeMs = Number(updateTime);
    if (!Array.isArray(balances) || !Number.isFinite(timeMs)) {
      this.failures++;
      return false;
    }
    this.#account.picture(balances as Balance[], this.#symbols(), timeMs);
    return true;
  }
  /** Nothing is funded on Spot. */
  async funding(): Promise<void> {}
}

/** @throws CHM961 when the account cannot be read, CHM968 when it may not trade */
export async function checkSpotAccount(rest: Rest, node: string): Promise<void> {
  const a = await rest.call('privateGetAccount', {});
  if (!a.ok) {
    const { code, msg } = a.failure;
    throw new ChimeraError('CHM961', `the account cannot be read: ${code !== 0 ? `${code} ${msg}` : a.text}`, {
      node,
      help: "check the API key, its permissions and allowed addresses, and this machine's clock",
    });
  }
  if ((a.body as Answered).canTrade === false)
    throw new ChimeraError('CHM968', 'the account may not trade on Spot', {
      node,
      help: 'allow Spot trading for the API key and the account',
    });
}
