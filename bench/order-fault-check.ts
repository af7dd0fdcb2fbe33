import type { OrderLedger } from '../sinks/binance/order-ledger.ts';
import type { Command } from '../sinks/binance/order-state.ts';
import { type DirectAccount, type Row, tradesDone, tradesTold } from '../sinks/binance/testing/direct-account.ts';
import type { Brought, GatewayDriver } from '../sinks/binance/testing/gateway-driver.ts';

/** What happened, and how often. */
export class Reasons {
  readonly all = new Map<string, number>();
  count(name: string, n = 1): void {
    this.all.set(name, (this.all.get(name) ?? 0) + n);
  }
  add(other: Reasons): void {
    for (const [name, n] of other.all) this.count(name, n);
  }
}

/** Counts what became of sends and of what was UNKNOWN, at the ledger's own entrances. */
export function countOutcomes(ledger: OrderLedger, reasons: Reasons): void {
  const placed = ledger.placed.bind(ledger);
  const queried = ledger.queried.bind(ledger);
  ledger.placed = (o, outcome, nowMs) => {
    const was = o.phase;
    placed(o, outcome, nowMs);
    if (o.phase === 'unknown' && was !== 'unknown') reasons.count('UNKNOWN: after a send');
    else if (was !== 'sending' && outcome.kind === 'unknown')
      reasons.count('a report was there before the failed answer');
  };
  ledger.queried = (o, outcome, nowMs, askedMs) => {
    const was = o.phase;
    queried(o, outcome, nowMs, askedMs);
    if (was !== 'unknown') return;
    reasons.count(`query of an UNKNOWN order: ${outcome.kind}`);
    if (outcome.kind === 'found') reasons.count('UNKNOWN ended: the order was found');
    else if (o.phase === 'queued') reasons.count('UNKNOWN ended: not accepted, sent again');
    else if (o.phase === 'ended') reasons.count('UNKNOWN ended: not accepted, reported rejected or withdrawn');
  };
}

/** The refusal of a cancel says nothing of the order. */
const isOfOrder = ({ port, values: v }: Brought, id: string): boolean =>
  port === 'report' && v['client_id'] === id && v['code'] !== -2011;
const ENDS: ReadonlySet<unknown> = new Set(['canceled', 'expired', 'rejected']);
/** This report is the last one of the order. */
export const isOver = (row: Brought, id: string): boolean =>
  isOfOrder(row, id) && (row.values['status'] === 'filled' || ENDS.has(row.values['exec']));

/** Compares everything that was reported with the exchange, which is asked directly. Empty = it all agrees. */
export async function wrongWith(
  d: GatewayDriver,
  lives: readonly (readonly Brought[])[],
  placed: readonly Command[],
  direct: DirectAccount,
  reasons: Reasons,
): Promise<string[]> {
  const wrong: string[] = [];
  const [plain, algos, trades] = await Promise.all(
    ['/fapi/v1/allOrders', '/fapi/v1/allAlgoOrders', '/fapi/v1/userTrades'].map((path) => direct.list(path)),
  );
  const { pxDigits, qtyDigits, qtyScale } = d.keys.at(0);
  const lots = (text: unknown): number => Math.round(Number(text) * qtyScale);

  // Fills: each of them, as it was, once in each life.
  const told = tradesTold(lives, pxDigits, qtyDigits);
  const done = tradesDone(trades!);
  for (const t of done) if (!told.trades.includes(t)) wrong.push(`trade ${t} was not reported`);
  for (const t of told.trades) if (!done.includes(t)) wrong.push(`trade ${t} was reported and not done`);
  if (told.twice > 0) wrong.push(`${told.twice} trades were reported twice by one life of the gateway`);
  reasons.count('trades', done.length);
  reasons.count('trades told again after a crash', told.again);
  reasons.count('trades told behind a later one', told.behind);

  // Positions and money, as they stand and as the gateway says that they stand.
  const position = lots((await direct.position())?.['positionAmt'] ?? 0);
  if (told.position !== position) wrong.push(`position ${told.position} by reports, ${position} at the exchange`);
  const { totalWalletBalance } = (await direct.ask('/fapi/v3/account', {})) as Row;
  const wallet = Math.round(Number(totalWalletBalance) * 1e8);
  const stands = (): [unknown, unknown] => [
    d.rows.findLast((r) => r.port === 'position')?.values['qty'] ?? 0,
    d.rows.findLast((r) => r.port === 'account')?.values['wallet'],
  ];
  const agree = (): boolean => stands()[0] === position && stands()[1] === wallet;
  await d
    .until(agree, 5_000)
    .catch(() => wrong.push(`position and wallet ${stands()}, at the exchange ${position} ${wallet}`));

  // Orders: at most one for each command, reported with the end that it had.
  const children = new Set(algos!.map((a) => String(a['actualOrderId'])));
  for (const c of placed) {
    const id = c.client_id;
    const conditional = c.type === 'stop_market' || c.type === 'take_profit_market';
    const own = conditional
      ? algos!.filter((a) => a['clientAlgoId'] === id)
      : plain!.filter((o) => o['clientOrderId'] === id && !children.has(String(o['orderId'])));
    if (own.length > 1) wrong.push(`${id} stands ${own.length} times at the exchange`);
    const ends = lives.flatMap((life) => {
      const of = life.filter((row) => isOver(row, id));
      if (of.length > 1) wrong.push(`the end of ${id} was reported ${of.length} times`);
      const news = life.filter((row) => isOfOrder(row, id) && row.values['exec'] === 'new').length;
      if (news > 1) wrong.push(`${id} was reported new ${news} times`);
      return of.map(({ values: v }) => (v['exec'] === 'trade' ? 'filled' : String(v['exec'])));
    });
    if (ends.length === 0) wrong.push(`${id} was lost`);
    const doubts = lives.at(-1)!.filter((row) => isOfOrder(row, id));
    reasons.count('told UNKNOWN', doubts.filter((row) => row.values['exec'] === 'unknown').length);
    if (doubts.at(-1)?.values['exec'] === 'unknown') wrong.push(`${id} stayed UNKNOWN`);
    if (new Set(ends).size > 1) wrong.push(`${id} was reported ${ends}`);
    const code = lives.flat().find((row) => isOver(row, id) && row.values['exec'] === 'rejected')?.values['code'];
    reasons.count(`end: ${ends[0]}${code === undefined ? '' : ` ${code}`}`);
    const [at] = own;
    if (!at) {
      if (ends[0] !== 'rejected' && ends[0] !== 'canceled') wrong.push(`${id} is not there, and was reported ${ends}`);
      if (told.quantities.has(id)) wrong.push(`${id} is not there, and was reported to trade`);
      continue;
    }
    reasons.count('orders at the exchange');
    const child = conditional ? plain!.find((o) => String(o['orderId']) === String(at['actualOrderId'])) : at;
    if (conditional && child) reasons.count('stops that triggered');
    const ended = String(child?.['status'] ?? at['algoStatus']).toLowerCase();
    // The exchange's word for an order that would have met one of ours; reports have one word for all that expired.
    const fate = ended === 'expired_in_match' ? 'expired' : ended;
    if (ends[0] !== fate) {
      const said = lives.map((life) =>
        life.filter((row) => isOfOrder(row, id)).map(({ values: v }) => `${v['exec']} ${v['reason']}`),
      );
      wrong.push(`${id} (${c.type}) was ${fate} at the exchange, and reported ${said.join(' | ')}`);
    }
    const traded = lots(child?.['executedQty'] ?? 0);
    if (traded !== (told.quantities.get(id) ?? 0))
      wrong.push(`${id} traded ${traded}, reported ${told.quantities.get(id) ?? 0}`);
    if (c.qty > 0 && traded > c.qty) wrong.push(`${id} was to trade ${c.qty}, and traded ${traded}`);
  }
  const strangers = plain!.length + algos!.length - children.size + (children.has('') ? 1 : 0);
  const mine = placed.filter((c) =>
    [...plain!, ...algos!].some((o) => (o['clientOrderId'] ?? o['clientAlgoId']) === c.client_id),
  );
  if (strangers !== mine.length) wrong.push(`${strangers} orders at the exchange, ${mine.length} of them commanded`);
  return wrong;
}
