import { readFileSync } from 'node:fs';
import { formatDiagnostics } from '../graph/document/format.ts';
import { loadPipeline } from '../graph/document/load.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { registry } from '../ui/cli/registry.ts';

const [file, sets, taps, ...inputs] = process.argv.slice(2);
const text = readFileSync(file!, 'utf8');
const { pipeline, diagnostics } = loadPipeline(text, file!, registry, {
  sets: Object.fromEntries(
    sets!
      .split(',')
      .filter(Boolean)
      .map((x) => x.split('=')),
  ),
});
console.log(
  diagnostics.map((d) => `${d.line}:${d.column} ${d.severity} ${d.code} ${d.message} ${d.help ?? ''}`).join('\n'),
);
void formatDiagnostics;
const rows: Record<string, number> = {};
const extra: Record<string, number> = {};
const t0 = performance.now();
let t1 = 0;
const r = await runPipeline(pipeline!, {
  inputs,
  digests: true,
  taps: taps === 'all' ? '*' : taps!.split(',').filter(Boolean),
  mode: 'generated',
  onProgress: () => {
    t1 ||= performance.now();
  },
  onTap: (t) => {
    rows[`${t.node}.${t.port}`] = (rows[`${t.node}.${t.port}`] ?? 0) + t.n;
    if (t.node === 'venue' && t.port === 'report') {
      const f = Object.keys(t.schema.fields);
      for (let i = 0; i < t.n; i++) {
        const k = `${t.value(i, f.indexOf('exec'))}/${t.value(i, f.indexOf('status'))}/${t.value(i, f.indexOf('code'))}`;
        extra[k] = (extra[k] ?? 0) + 1;
      }
    }
  },
});
console.log(r, rows, extra, {
  total: performance.now() - t0,
  run: performance.now() - t1,
  per_s: (r.events_in / (performance.now() - t1)) * 1000,
  rss: process.resourceUsage().maxRSS / 1024,
});
