import { kindOf, type ReportData } from './data.ts';
import { grouped, signed, utc } from './decimal.ts';
import { counterRows, figures, howToRead, orderRows, runFacts } from './figures.ts';
import { drawdownSeries, type Metrics, metrics } from './metrics.ts';

const LISTED = 50;

/** The report as Markdown: the same numbers as the HTML, curves as a line of blocks. */
export function toMarkdown(data: ReportData, m: Metrics = metrics(data)): string {
  const out: string[] = [`# ${kindOf(data.run.profile)} of ${cell(data.run.pipeline)}`, ''];
  out.push(...table(['Run', ''], runFacts(data)), '');
  out.push(
    '## Result',
    '',
    ...table(
      ['Figure', 'Value', 'Definition'],
      figures(data, m).map((f) => [f.label, f.value, f.hint]),
      [1],
    ),
    '',
  );
  const { t_us, equity } = data.equity;
  if (t_us.length > 1) {
    out.push('## Equity and drawdown', '', '```text');
    out.push(`equity    ${blocks(t_us, equity)}`);
    out.push(`drawdown  ${blocks(t_us, drawdownSeries(equity, data.start_balance))}`);
    out.push('```', '');
  }
  out.push('## Per instrument', '', ...symbolTable(m), '');
  out.push(
    '## Orders',
    '',
    ...table(
      ['Orders', 'Count'],
      orderRows(data).map(([k, v]) => [k, grouped(v, 0)]),
      [1],
    ),
    '',
  );
  out.push(`## Trades`, '');
  if (m.round_trips.length === 0) out.push('No round trip was completed.', '');
  else {
    out.push(
      ...table(
        ['Exit (UTC)', 'Instrument', 'Side', 'Quantity', 'Entry', 'Exit', 'Net USDT', 'Return', 'Why closed'],
        m.round_trips.slice(0, LISTED).map(tripRow),
        [3, 4, 5, 6, 7],
      ),
      '',
    );
    if (m.round_trips.length > LISTED)
      out.push(`The first ${LISTED} of ${grouped(m.round_trips.length, 0)}; all of them are in the JSON report.`, '');
  }
  out.push(
    '## Counters and input quality',
    '',
    ...table(
      ['Counter', 'Count'],
      counterRows(data).map(([k, v]) => [k, grouped(v, 0)]),
      [1],
    ),
    '',
  );
  for (const b of data.quality.bad_input.slice(0, 20))
    out.push(`- \`${b.file}:${b.line}\` ${b.code} ${cell(b.message)}`);
  if (data.quality.bad_input.length) out.push('');
  if (data.notes.length) out.push('## Notes', '', ...data.notes.map((n) => `- ${n}`), '');
  out.push('## How to read this report', '', howToRead(m).join('\n\n'), '');
  return out.join('\n');
}

/** Columns of the trades table, shared with the HTML. */
export function tripRow(t: Metrics['round_trips'][number]): string[] {
  return [
    utc(t.exit_ms * 1000),
    t.symbol,
    t.side,
    t.qty,
    priceText(t.entry_price),
    priceText(t.exit_price),
    signed(grouped(Number(t.net), Math.abs(Number(t.net)) < 0.01 ? 6 : 2)),
    signed(`${grouped(t.return * 100, 3)} %`),
    t.exit_reason,
  ];
}
export const SYMBOL_HEAD = ['Instrument', 'Trades', 'Win rate', 'Fills', 'Traded', 'Gross', 'Fees', 'Funding', 'Net'];
export function symbolRows(m: Metrics): string[][] {
  return m.symbols.map((s) => [
    s.symbol,
    grouped(s.round_trips, 0),
    s.round_trips ? `${grouped((s.wins / s.round_trips) * 100, 1)} %` : 'n/a',
    grouped(s.fills, 0),
    ...[s.volume, s.gross, s.fees, s.funding, s.net].map((x) => grouped(x, x !== 0 && Math.abs(x) < 0.01 ? 6 : 2)),
  ]);
}
/** Enough decimals for any instrument, without a tail of zeros. */
const priceText = (x: number): string => grouped(x, x >= 1000 ? 2 : x >= 1 ? 4 : 8);

const symbolTable = (m: Metrics): string[] => table(SYMBOL_HEAD, symbolRows(m), [1, 2, 3, 4, 5, 6, 7, 8]);

function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map((_, i) => (right.includes(i) ? ' ---: ' : ' --- ')).join('|')}|`, ...rows.map(line)];
}
const cell = (s: string): string => s.replace(/\|/g, '\\|').replace(/[\r\n]+/g, ' ');

/** A step series as 60 block characters, evenly spaced in time, between its minimum and maximum. */
function blocks(t: readonly number[], values: readonly number[]): string {
  const points: number[] = [];
  const width = (t.at(-1)! - t[0]!) / 60;
  for (let c = 1, i = 0; c <= 60; c++) {
    while (i + 1 < t.length && t[i + 1]! <= t[0]! + c * width) i++;
    points.push(values[i]!);
  }
  const low = Math.min(...points);
  const high = Math.max(...points);
  return points.map((x) => '▁▂▃▄▅▆▇█'[high === low ? 0 : Math.round(((x - low) / (high - low)) * 7)]!).join('');
}
