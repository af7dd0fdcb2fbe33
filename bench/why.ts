import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadPipeline } from '../graph/document/load.ts';
import { ObservedStore } from '../ui/api/runs/observed-store.ts';
import { readText } from '../ui/cli/load-document.ts';
import { registry } from '../ui/cli/registry.ts';
import { home } from '../ui/cli/version.ts';
import { rulesOf } from '../ui/observe/describe-run.ts';
import { decide } from '../ui/why/decide.ts';
import type { DecisionMoment } from '../ui/why/moment.ts';

/**
 * How long "why" and "why not" take over a million decisions of the trend pipeline's own rules, each with its features, position and
 * guards, on disk. `node dist/bench/why.js [decisions] [questions]`: one JSON object; exit code 1 when p95 is above 50 ms.
 */
const decisions = Number(process.argv[2] ?? 1_000_000);
const questions = Number(process.argv[3] ?? 300);
const FILE = join(home(), 'pipelines', 'trend.yaml');
const { pipeline } = loadPipeline(readText(FILE), FILE, registry);
const nodes = rulesOf(pipeline!);
const [node] = nodes;

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
function moment(cycle: number): DecisionMoment {
  const features: Record<string, number> = {};
  for (const f of node!.features) features[f] = 100 * random();
  Object.assign(features, { ema_fast: 100 + random(), ema_slow: 100 + random(), regime: Math.floor(3 * random()) - 1 });
  Object.assign(features, {
    book_imbalance: 2 * random() - 1,
    realised_volatility: 0.04 * random(),
    spread_bp: 4 * random(),
  });
  const side = ['flat', 'flat', 'long', 'short'][Math.floor(4 * random())]!;
  const position = { side, roe: random() - 0.5, adds: Math.floor(2 * random()), age_s: 600 * random() };
  const guard = { blocked: random() < 0.1, block_long: false, block_short: false, reasons: '' };
  const inputs = { node: node!.id, key: cycle % 2 === 0 ? 'usdm:BTCUSDT' : 'usdm:ETHUSDT', features, position, guard };
  return { ...inputs, cycle, at_us: cycle * 1000, verdict: decide(node!.rules, inputs).verdict };
}

const dir = mkdtempSync(join(tmpdir(), 'chimera-why-'));
const store = new ObservedStore(join(dir, 'observed.sqlite'));
const started = performance.now();
for (let i = 0; i < decisions; i += 10_000)
  store.addDecisions(Array.from({ length: Math.min(10_000, decisions - i) }, (_, k) => moment(i + k)));
const filled = performance.now() - started;
const asked = store.decisions(nodes);
const times: number[] = [];
const cpuTimes: number[] = [];
let flips = 0;
for (let q = 0; q < questions + 20; q++) {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const [verdict] = await asked.why(Math.floor(random() * decisions));
  // The first ones warm the code.
  const used = process.cpuUsage(cpu);
  if (q >= 20) {
    times.push(performance.now() - from);
    cpuTimes.push((used.user + used.system) / 1000);
  }
  if (verdict?.flip) flips++;
}
const lists: number[] = [];
for (let q = 0; q < 100; q++) {
  const from = performance.now();
  await asked.list({ key: 'usdm:BTCUSDT', before: Math.floor(random() * decisions), limit: 100 });
  lists.push(performance.now() - from);
}
store.close();
rmSync(dir, { recursive: true });
const at = (values: number[], p: number) => values.sort((a, b) => a - b)[Math.floor(values.length * p)]!;
const said = {
  decisions,
  fill_s: filled / 1000,
  why_p50_ms: at(times, 0.5),
  why_p95_ms: at(times, 0.95),
  why_p95_cpu_ms: at(cpuTimes, 0.95),
  list_p95_ms: at(lists, 0.95),
  flips,
};
process.stdout.write(`${JSON.stringify(said)}\n`);
process.exitCode = said.why_p95_ms > 50 ? 1 : 0;
