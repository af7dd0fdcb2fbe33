import { readFileSync } from 'node:fs';
import { loadPipeline } from '../graph/document/load.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { KeyTable } from '../graph/schema/index.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { registry } from '../ui/cli/registry.ts';
import { keepBlocks, RepeatReader } from './repeat.ts';

const [file, sets, times, input] = process.argv.slice(2);
const { pipeline, diagnostics } = loadPipeline(readFileSync(file!, 'utf8'), file!, registry, {
  sets: Object.fromEntries(
    sets!
      .split(',')
      .filter(Boolean)
      .map((x) => x.split('=')),
  ),
});
console.log(diagnostics.filter((d) => d.severity === 'error'));
const keys = new KeyTable();
const reader = await openInputs([input!], keys);
const blocks = await keepBlocks(reader);
const rep = new RepeatReader(reader.ports, blocks, Number(times));
const t0 = performance.now();
const c0 = process.cpuUsage();
const rows: Record<string, number> = {};
const r = await runPipeline(pipeline!, {
  keys,
  readers: { market: async () => rep },
  taps: ['venue.report', 'book.top', 'book.state', 'rules.verdict', 'market.trade'].filter((x) =>
    pipeline!.nodes.some((n) => n.id === x.split('.')[0]),
  ),
  onTap: (t) => {
    rows[`${t.node}.${t.port}`] = (rows[`${t.node}.${t.port}`] ?? 0) + t.n;
  },
});
const c = process.cpuUsage(c0);
console.log({
  n: r.events_in,
  cycles: r.cycles,
  counters: r.counters,
  rows,
  s: (performance.now() - t0) / 1000,
  cpu: (c.user + c.system) / 1e6,
  per_s: r.events_in / ((c.user + c.system) / 1e6),
  rss: process.resourceUsage().maxRSS / 1024,
});
