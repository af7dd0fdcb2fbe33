import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchCandles } from './candles.ts';
import { benchGraphNodes } from './graph-nodes.ts';
import { benchImport, runtimes } from './import.ts';
import { benchReplay } from './replay.ts';
import { type Figure, reached, table } from './stats.ts';

/**
 * `npm run bench`: every benchmark in a small size, in about a minute; `--full` in the size that the goals are stated for, five
 * times each. A table goes to stderr, one JSON object to stdout. Each figure stands beside checks of what was computed: the
 * exit code is 1 when a check fails. A goal that is not reached is shown and does not fail: machines differ.
 */
const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    data: { type: 'string', default: process.env['CHIMERA_DATA'] ?? '../shared/data' },
  },
});
const { full, data } = values;
const repeats = full ? 5 : 1;

const figures: Figure[] = [];
const checks: { name: string; ok: boolean; found: string }[] = [];
const add = (part: { figures: Figure[]; checks?: typeof checks } | undefined) => {
  if (!part) return;
  figures.push(...part.figures);
  checks.push(...(part.checks ?? []));
};
const say = (what: string) => process.stderr.write(`${what} …\n`);

say('engine');
add({ figures: benchGraphNodes(full ? 5 : 3) });
say('candles');
add(await benchCandles({ candles: full ? 1_051_200 : 525_600, ticks: full ? 5_000_000 : 300_000, repeats }));
say('replay');
add(await benchReplay({ data, events: full ? 5_000_000 : 1_000_000, repeats }));
say('import');
add(
  await benchImport({
    data,
    times: full ? 8 : 2,
    repeats,
    nodes: full ? runtimes() : Object.fromEntries([Object.entries(runtimes())[0]!]),
  }),
);

process.stderr.write(`\n${table(figures)}\n`);
for (const c of checks) if (!c.ok) process.stderr.write(`FAILED ${c.name}: ${c.found}\n`);
process.stderr.write(`${checks.filter((c) => c.ok).length} of ${checks.length} checks hold\n`);
const all_hold = checks.every((c) => c.ok);
const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
process.stdout.write(
  `${JSON.stringify({ machine, size: full ? 'full' : 'quick', figures, all_reached: figures.every(reached), checks, all_hold })}\n`,
);
process.exitCode = all_hold ? 0 : 1;
