import { ChimeraError } from '../../graph/schema/index.ts';
import type { Account } from './account.ts';
import type { Answer, Rest } from './rest.ts';

type Row = Readonly<Record<string, unknown>>;
const text = (x: unknown): string => (typeof x === 'string' ? x : typeof x === 'number' ? String(x) : '');

/** Reads the USD-M account by REST: what a stream that was down did not say. */
export class AccountReader {
  readonly #rest: Rest;
  readonly #account: Account;
  readonly #asset: string;
  readonly #symbols: () => readonly string[];
  readonly #now: () => number;
  #reading: Promise<boolean> | undefined;
  /** Time of the first event that was heard: funding before it is not ours to tell. */
  #sinceMs = 0;
  failures = 0;

  constructor(rest: Rest, account: Account, asset: string, symbols: () => readonly string[], now: () => number) {
    this.#rest = rest;
    this.#account = account;
    this.#asset = asset;
    this.#symbols = symbols;
    this.#now = now;
  }

  /** Wallet and positions. A failed question is no answer: nothing is assumed flat. @returns whether it was read */
  read(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }
  async #read(): Promise<boolean> {
    const askedMs = this.#now();
    const [account, risk] = [
      await this.#rest.call('fapiPrivateV3GetAccount', {}),
      await this.#rest.call('fapiPrivateV3GetPositionRisk', {}),
    ];
    if (!account.ok || !risk.ok || !Array.isArray(risk.body)) {
      this.failures++;
      return false;
    }
    const symbols = this.#symbols();
    const rows = new Map((risk.body as Row[]).filter(oneWay).map((r) => [text(r['symbol']), r]));
    for (const s of symbols) {
      const r = rows.get(s);
      this.#account.position(
        s,
        {
          qty: text(r?.['positionAmt']) || '0',
          entryPx: text(r?.['entryPrice']) || '0',
          isolated: text(r?.['isolatedWallet']) || '0',
          unrealized: text(r?.['unRealizedProfit']) || '0',
          liquidation: text(r?.['liquidationPrice']) || '0',
        },
        askedMs,
      );
    }
    const assets = (account.body as { assets?: Row[] }).assets ?? [];
    const mine = assets.find((a) => a['asset'] === this.#asset);
    this.#account.picture(text(mine?.['walletBalance']) || '0', symbols, askedMs);
    return true;
  }

  /** Funding fees since a little before the last event that was heard; those told already are not told again. */
  async funding(): Promise<void> {
    const last = this.#account.lastMs;
    if (last === 0) return;
    this.#sinceMs ||= last;
    const startTime = Math.max(this.#sinceMs, last - 120_000);
    const answer = await this.#rest.call('fapiPrivateGetIncome', { incomeType: 'FUNDING_FEE', startTime, limit: 1000 });
    if (!answer.ok || !Array.isArray(answer.body)) return;
    for (const r of answer.body as Row[])
      if (r['asset'] === this.#asset) this.#account.income(text(r['symbol']), text(r['income']), Number(r['time']));
  }

  /** @throws CHM961 when the account cannot be read, CHM962 in hedge mode */
  async check(node: string): Promise<void> {
    const mode = await this.#rest.call('fapiPrivateGetPositionSideDual', {});
    if (!mode.ok) throw closed(node, mode);
    const { dualSidePosition } = mode.body as { dualSidePosition?: unknown };
    if (dualSidePosition === true || dualSidePosition === 'true')
      throw new ChimeraError('CHM962', 'the account is in hedge mode', {
        node,
        help: 'close all positions and switch the position mode of the account to one-way',
      });
  }

  /** Isolated margin and leverage of an instrument. @throws CHM967 */
  async configure(symbol: string, leverage: number, node: string): Promise<void> {
    const mode = await this.#rest.call('fapiPrivatePostMarginType', { symbol, marginType: 'ISOLATED' });
    // −4046: it is isolated already.
    if (!mode.ok && mode.failure.code !== -4046) throw unset(node, symbol, mode);
    const set = await this.#rest.call('fapiPrivatePostLeverage', { symbol, leverage });
    if (!set.ok) throw unset(node, symbol, set);
  }
}

const oneWay = (r: Row): boolean => (text(r['positionSide']) || 'BOTH') === 'BOTH';
const reason = (a: Answer): string =>
  a.ok ? '' : a.failure.code !== 0 ? `${a.failure.code} ${a.failure.msg}` : a.text;
const closed = (node: string, a: Answer): ChimeraError =>
  new ChimeraError('CHM961', `the account cannot be read: ${reason(a)}`, {
    node,
    help: "check the API key, its permissions and allowed addresses, and this machine's clock",
  });
const unset = (node: string, symbol: string, a: Answer): ChimeraError =>
  new ChimeraError('CHM967', `isolated margin or leverage of ${symbol} cannot be set: ${reason(a)}`, {
    node,
    help: 'close the position and cancel the orders of the instrument, or leave `leverage` out',
  });
