import { ChimeraError } from '../../graph/schema/index.ts';
import { verdictOf } from './answer.ts';
import type { IntentLog } from './intent-log.ts';
import type { Rest } from './rest.ts';

/** From one wallet of the account to another: `MAIN_UMFUTURE` Spot → USD-M, `UMFUTURE_MAIN` back. */
export interface Transfer {
  /** Ours: the same id again moves nothing. */
  readonly id: string;
  readonly asset: string;
  /** Decimal text. */
  readonly amount: string;
  readonly type: 'MAIN_UMFUTURE' | 'UMFUTURE_MAIN';
}
export type TransferResult =
  | { readonly state: 'done'; readonly tranId: string }
  | { readonly state: 'refused'; readonly code: number; readonly reason: string };

type Row = Readonly<Record<string, unknown>>;
const text = (x: unknown): string => (typeof x === 'string' ? x : typeof x === 'number' ? String(x) : '');

export interface TransferOptions {
  readonly log: IntentLog;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** From when on a request that was sent can no longer be accepted, ms after it. */
  readonly acceptMs: number;
  /** Queries for one unknown outcome. Default 12. */
  readonly queries?: number;
}

/**
 * Transfers between wallets, each at most once. The exchange takes no id of ours, so before the first send the highest transfer id
 * is written down with the intent; after an unknown outcome a transfer of the same kind, asset and amount behind it that none of
 * ours has claimed is that one. One at a time.
 */
export class Transfers {
  readonly #rest: Rest;
  readonly #o: TransferOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(rest: Rest, options: TransferOptions) {
    this.#rest = rest;
    this.#o = options;
  }

  /** @throws CHM966 when the outcome cannot be learned now; the same id later gives it */
  transfer(t: Transfer): Promise<TransferResult> {
    const done = this.#last.then(() => this.#transfer(t));
    this.#last = done.catch(() => {});
    return done;
  }

  async #transfer(t: Transfer): Promise<TransferResult> {
    const { log, now, acceptMs } = this.#o;
    for (let sends = 0; ; ) {
      const known = log.transfers.get(t.id);
      if (known?.['state'] === 'done') return { state: 'done', tranId: text(known['tranId']) };
      if (known?.['state'] === 'refused')
        return { state: 'refused', code: Number(known['code']), reason: text(known['reason']) };
      if (known) {
        const found = await this.#find(t, text(known['after']));
        if (found) log.transfer(t.id, { state: 'done', tranId: found });
        else if (now() - Number(known['sentMs']) < acceptMs) {
          // It may still arrive.
          await this.#o.sleep(acceptMs - (now() - Number(known['sentMs'])));
          continue;
        } else log.transfer(t.id, { state: 'absent' });
        if (found) continue;
      }
      if (sends >= 3) throw unknown(t, 'it was not accepted three times');
      const after = known ? text(known['after']) : await this.#highest(t);
      sends++;
      log.transfer(t.id, { ...t, state: 'sent', after, sentMs: now() });
      const answer = await this.#rest.call('sapiPostAssetTransfer', { type: t.type, asset: t.asset, amount: t.amount });
      if (answer.ok) {
        const tranId = text((answer.body as Row)['tranId']);
        if (tranId !== '') log.transfer(t.id, { state: 'done', tranId });
      } else {
        const verdict = verdictOf(answer.failure);
        const { code, msg } = answer.failure;
        if (verdict === 'refused') log.transfer(t.id, { state: 'refused', code, reason: msg });
        else if (verdict === 'clock') await this.#rest.syncClock('publicGetTime');
      }
    }
  }

  /** The transfers of that kind, newest first. @throws CHM966 when no answer comes */
  async #rows(t: Transfer): Promise<Row[]> {
    const queries = this.#o.queries ?? 12;
    for (let i = 0; i < queries; i++) {
      const answer = await this.#rest.call('sapiGetAssetTransfer', { type: t.type, size: 100 });
      const rows = answer.ok ? ((answer.body as { rows?: unknown }).rows ?? []) : undefined;
      if (Array.isArray(rows)) return rows as Row[];
      await this.#o.sleep(Math.min(5_000, 100 * 2 ** i));
    }
    throw unknown(t, 'the exchange does not answer');
  }
  async #highest(t: Transfer): Promise<string> {
    return (await this.#rows(t)).reduce((top, r) => (idOf(r) > BigInt(top) ? String(idOf(r)) : top), '0');
  }
  async #find(t: Transfer, after: string): Promise<string | undefined> {
    const claimed = new Set([...this.#o.log.transfers.values()].map((o) => text(o['tranId'])));
    const rows = await this.#rows(t);
    const mine = rows.filter(
      (r) =>
        idOf(r) > BigInt(after) &&
        r['asset'] === t.asset &&
        Number(r['amount']) === Number(t.amount) &&
        text(r['status']) !== 'FAILED' &&
        !claimed.has(text(r['tranId'])),
    );
    return mine.length === 0 ? undefined : text(mine.at(-1)!['tranId']);
  }
}

const idOf = (r: Row): bigint => BigInt(text(r['tranId']) || '0');
const unknown = (t: Transfer, why: string): ChimeraError =>
  new ChimeraError('CHM966', `the outcome of transfer ${t.id} is unknown: ${why}`, {
    help: 'ask again with the same id; it moves nothing twice',
  });
