import { existsSync, readFileSync } from 'node:fs';
import { loadPipeline } from '../graph/document/load.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from '../lake/bronze-writer.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { openLake } from '../lake/open-lake.ts';
import { registry } from '../ui/cli/registry.ts';
import { keepBlocks, RepeatReader } from './repeat.ts';

const [file, sets, times, input, only] = process.argv.slice(2);
const loaded = loadPipeline(readFileSync(file!, 'utf8'), file!, registry, {
  sets: Object.fromEntries(
    sets!
      .split(',')
      .filter(Boolean)
      .map((x) => x.split('=')),
  ),
});
let pipeline = loaded.pipeline!;
if (only) {
  const keep = new Set(only.split(','));
  pipeline = { ...pipeline, nodes: pipeline.nodes.filter((n) => keep.has(n.id)) };
}
const dir = '/tmp/bench-lake-' + times;
if (!existsSync(dir)) {
  const keys = new KeyTable();
  const reader = await openInputs([input!], keys);
  const rep = new RepeatReader(reader.ports, await keepBlocks(reader), Number(times));
  const w = await openBronzeWriter(dir, { writer: 'bench', keys, ports: rep.ports, source: 'market' });
  for (let b = await rep.read(); b; b = await rep.read()) await w.write(b);
  await w.close();
}
const keys = new KeyTable();
const t0 = performance.now();
const c0 = process.cpuUsage();
const rows: Record<string, number> = {};
const taps = (process.env['TAPS'] ?? '').split(',').filter(Boolean);
const r = await runPipeline(pipeline, {
  keys,
  ...(process.env['DIR'] ? { dir: process.env['DIR'] } : {}),
  readers: { market: (k) => openLake(dir, {}, k) },
  taps,
  onTap: (t) => {
    rows[`${t.node}.${t.port}`] = (rows[`${t.node}.${t.port}`] ?? 0) + t.n;
  },
});
const c = process.cpuUsage(c0);
console.log({
  n: r.events_in,
  rows,
  s: (performance.now() - t0) / 1000,
  cpu: (c.user + c.system) / 1e6,
  per_s: r.events_in / ((performance.now() - t0) / 1e3),
  per_cpu_s: r.events_in / ((c.user + c.system) / 1e6),
  rss: process.resourceUsage().maxRSS / 1024,
});
