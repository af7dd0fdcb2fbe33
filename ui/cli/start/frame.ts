import { grouped, signed, usdt, utc } from '../../report/decimal.ts';
import type { JournalStats } from '../../run/journals.ts';
import { journalText } from '../journal-text.ts';
import { table } from '../table.ts';

/** What the live screen shows, several times a second. */
export interface LiveState {
  title: string;
  /** Share of the run that is done; undefined = not known. */
  share: number | undefined;
  nowUs: number;
  events: number;
  eventsPerSecond: number;
  lagMs: number;
  instruments: { name: string; px: number; pxDigits: number; qty: number; unrealised: number; first: number }[];
  orders: { placed: number; filled: number; partial_fills: number; canceled: number; rejected: number };
  fills: number;
  /** Money. */
  startBalance: number;
  equity: number;
  fees: number;
  /** Of what arrived; null where none is kept. */
  journal: JournalStats | null;
}
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'cyan', text: string) => string;

/** One screen as lines. Pure: the caller moves the cursor. */
export function frame(s: LiveState, paint: Paint): string[] {
  const pnl = s.equity - s.startBalance;
  const tone = (x: number, text: string) => (x > 0 ? paint('green', text) : x < 0 ? paint('red', text) : text);
  const rows = s.instruments.map((i) => [
    i.name,
    grouped(i.px, i.pxDigits),
    signed(`${grouped((i.px / i.first - 1) * 100, 2)} %`),
    i.qty === 0 ? 'flat' : `${i.qty > 0 ? 'long' : 'short'} ${Math.abs(i.qty)}`,
    i.qty === 0 ? '' : signed(grouped(i.unrealised, 2)),
  ]);
  // Colour after alignment: escape codes have no width.
  const lines = table([['instrument', 'price', 'change', 'position', 'unrealised'], ...rows], [1, 2, 4]).split('\n');
  return [
    `${paint('bold', s.title)}  ${paint('dim', `${utc(s.nowUs)} UTC`)}`,
    bar(s.share, paint),
    '',
    paint('dim', lines[0]!),
    ...lines.slice(1),
    '',
    `orders   ${grouped(s.orders.placed, 0)} placed, ${grouped(s.orders.filled, 0)} filled, ${grouped(s.orders.partial_fills, 0)} partial fills, ${grouped(s.orders.canceled, 0)} cancelled, ${grouped(s.orders.rejected, 0)} refused`,
    `account  ${usdt(s.equity)} USDT  ${tone(pnl, `${signed(usdt(pnl))} PnL`)}  fees ${grouped(s.fees, 2)}`,
    ...(s.journal ? [`journal  ${journalText(s.journal)}`] : []),
    `engine   ${grouped(s.events, 0)} events, ${grouped(s.eventsPerSecond, 0)}/s, ${grouped(s.lagMs, 1)} ms behind its clock`,
  ];
}

function bar(share: number | undefined, paint: Paint): string {
  if (share === undefined) return '';
  const width = 44;
  const done = Math.round(Math.min(1, share) * width);
  return `${paint('cyan', '━'.repeat(done))}${paint('dim', '━'.repeat(width - done))} ${Math.round(Math.min(1, share) * 100)} %`;
}
