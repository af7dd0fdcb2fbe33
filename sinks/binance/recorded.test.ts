import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { parseUserEvent } from '../../sources/binance/user/user-event.ts';
import { Account } from './account.ts';
import type { AccountRow, PositionRecord } from './gateway-account.ts';
import { OrderLedger } from './order-ledger.ts';
import type { Report } from './order-state.ts';
import { newsOfAlgo, newsOfOrder } from './order-view.ts';

const FILE = join(process.env['CHIMERA_DATA'] ?? '../shared/data', 'user-data', 'events.jsonl');
const OPTIONS = { acceptMs: 5_000, settleMs: 750, riskAgeMs: 5_000, closeAgeMs: 60_000, attempts: 3 };

/** Plays recorded frames of one instrument through ledger and account, as the gateway does. */
function play(prefix: string, symbol: string, px: number, qty: number) {
  const keys = new KeyTable();
  const key = keys.declare(`usdm:${symbol}`, px, qty);
  const reports: Report[] = [];
  const accounts: AccountRow[] = [];
  const positions: PositionRecord[] = [];
  const account = new Account('USDT', (s) => keys.find(`usdm:${s}`), {
    account: (_k, v) => accounts.push(v),
    position: (_k, v) => positions.push(v),
  });
  const ledger = new OrderLedger(OPTIONS, {
    request: () => {},
    report: (k, v) => {
      reports.push(v);
      if (v.exec === 'trade') account.traded(k, v);
    },
    refused: () => {},
    ended: () => {},
    began: () => {},
  });
  const s = ledger.symbol(symbol, key.index);
  s.started = true;
  const lines = readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l) as { seq: string; event: unknown });
  for (const { seq, event } of lines) {
    if (!new RegExp(`^${prefix}\\d+$`).test(seq)) continue;
    const e = parseUserEvent(event);
    if (e?.kind === 'order') ledger.news(s, newsOfOrder(e, key), e.timeMs);
    else if (e?.kind === 'algo') ledger.news(s, newsOfAlgo(e, key), e.timeMs);
    else if (e?.kind === 'account') account.update(e, e.timeMs);
  }
  return { reports, accounts, positions };
}
const said = (r: Report): string =>
  `${r.client_id.slice(7, 11)} ${r.exec}/${r.status}${r.trade_id ? ` ${r.last_qty}@${r.last_px}` : ''}`;

describe.skipIf(!existsSync(FILE))('the recorded sequences of a real account', () => {
  it('an entry with stop and target, the stop triggers: every order, fill, fee and balance is told once', () => {
    const { reports, accounts, positions } = play('T', 'TRXUSDT', 5, 0);
    expect(reports.map(said)).toEqual([
      'Ihlt new/new',
      'Ihlt trade/filled 150@7574',
      'VjMq new/new',
      'U8qk new/new',
      // Before the Algo service a triggered stop expired and came back as a market order of the same id.
      'U8qk expired/expired',
      'U8qk triggered/new',
      'U8qk trade/filled 150@7600',
      'VjMq expired/expired',
      'FrDg new/new',
      'FrDg expired/expired',
      'rRii new/new',
      'rRii expired/expired',
      'PJrY new/new',
      'PJrY trade/filled 150@7596',
    ]);
    // Wallets as they were pushed; between them exactly the fees and profits of the trades.
    expect(accounts.map((a) => a.wallet)).toEqual([316_19421294, 316_15065294, 316_14003714].map(Math.round));
    const [entry, stop] = accounts;
    expect(stop!.wallet - entry!.wallet).toBe(stop!.realized_pnl - stop!.fee);
    expect([entry!.fee, stop!.fee, stop!.realized_pnl]).toEqual([454_439, 456_000, -3_900_000]);
    expect(accounts.map((a) => [a.position_qty, a.entry_quote, a.isolated_wallet])).toEqual([
      [-150, -150 * 7574, 1_136_146_710],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(positions[0]).toMatchObject({ qty: -150, entry_px: 7_574_000, unrealized_pnl: -501_150 });
  });
  it('the same frame twice is one report', () => {
    expect(play('I', 'SOLUSDT', 4, 2).reports.map((r) => r.exec)).toEqual(['new']);
  });
  it('a triggered stop keeps its type, and its loss and fee are as reported', () => {
    const { reports } = play('E', 'SEIUSDT', 7, 0);
    expect(reports.at(-1)).toMatchObject({
      type: 'stop_market',
      exec: 'trade',
      status: 'filled',
      fee: 2_252_500,
      realized_pnl: -255_990_000,
      trade_id: 148502631,
      cum_quote: 53 * 8_500_000,
    });
  });
});
