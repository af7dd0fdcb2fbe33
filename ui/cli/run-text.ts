import { duration, grouped, utc } from '../report/decimal.ts';
import type { RunReport } from '../run/run.ts';
import type { Context } from './context.ts';
import { table } from './table.ts';

/** A run for people. */
export function runText(r: RunReport, context: Context): string {
  const out = [
    table([
      ['graph', r.graph_hash.slice(0, 16)],
      [
        'range',
        r.first_us === null || r.last_us === null
          ? 'no input'
          : `${utc(r.first_us)} → ${utc(r.last_us)} UTC (${duration(r.last_us - r.first_us)})`,
      ],
      ['work', `${grouped(r.events_in, 0)} inputs, ${grouped(r.cycles, 0)} cycles`],
      [
        'time',
        `${r.load_s.toFixed(2)} s to load, ${r.run_s.toFixed(2)} s to run${r.run_s > 0.001 ? `, ${grouped(r.events_in / r.run_s, 0)} inputs/s` : ''}, ${grouped(r.peak_rss_bytes / 2 ** 20, 0)} MiB`,
      ],
      [
        'counted',
        Object.entries(r.counters)
          .map(([k, n]) => `${k.replace('_', '-')} ${grouped(n, 0)}`)
          .join(', '),
      ],
    ]),
  ];
  const taps = Object.entries(r.taps);
  if (taps.length > 0)
    out.push(
      '',
      context.paint('stdout', 'bold', 'taps'),
      table(taps.map(([port, t]) => [`  ${port}`, `${grouped(t.rows, 0)} rows`, `sha256 ${t.sha256.slice(0, 16)}`])),
    );
  if (r.quarantined.length > 0)
    out.push(
      '',
      context.paint('stdout', 'red', 'quarantined'),
      table(r.quarantined.map((q) => [`  ${q.node}`, q.key, `${q.source} #${q.seq}`, `${q.code} ${q.message}`])),
    );
  if (r.bad_input.length > 0) {
    out.push('', context.paint('stdout', 'yellow', `${grouped(r.bad_input.length, 0)} refused inputs`));
    for (const b of r.bad_input.slice(0, 10)) out.push(`  ${b.file}:${b.line} ${b.code} ${b.message}`);
    if (r.bad_input.length > 10) out.push('  … (all of them with --json)');
  }
  return out.join('\n');
}
