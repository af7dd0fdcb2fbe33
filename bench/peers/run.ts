import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { npmPackage } from './environment.ts';
import { compareFills, readFills } from './fills.ts';
import { inputFiles } from './inputs.ts';
import { measure } from './measure.ts';
import { markdown, report, type WorkloadReport } from './report.ts';
import type { Compared, Engine, Measured, Outcome, RunContext, Workload } from './workload.ts';
import { WORKLOADS } from './workloads.ts';

/**
 * `npm run bench:peers [-- --only w1,w3 --repeats N --quick --engines chimera,jesse-fast]`: Chimera beside other engines, on the
 * same bytes, in processes of their own on pinned cores, in turns. What it needs it installs into the cache folder
 * (`~/.cache/chimera/peers`, or `CHIMERA_CACHE`). Tables go to stderr and bench/results/peers.md, everything to
 * bench/results/peers.json. Exit code 1 when fills differ from those of a peer under its profile.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    engines: { type: 'string', default: '' },
    repeats: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: 'bench/results' },
  },
});
const chosen = (list: string, id: string): boolean => list === '' || list.split(',').includes(id);
const repeats = values.quick ? 1 : Number(values.repeats);

/** A B C A B C …: what disturbs the machine disturbs all of them. */
function inTurns(w: Workload, context: (e: Engine) => RunContext): Outcome[] {
  const engines = w.engines.filter((e) => e.kind === 'chimera' || chosen(values.engines, e.id));
  const runs = new Map<Engine, Measured[]>(engines.map((e) => [e, []]));
  const failed = new Map<Engine, string>();
  for (let i = 0; i < repeats; i++)
    for (const e of engines) {
      if (failed.has(e) || i >= (e.repeatsAtMost ?? repeats)) continue;
      process.stderr.write(`${w.id} ${e.id} ${i + 1} …\n`);
      const m = measure(e, context(e));
      if ('failed' in m) failed.set(e, m.failed);
      else runs.get(e)!.push(m);
    }
  return engines.map((engine) =>
    failed.has(engine) ? { engine, failed: failed.get(engine)! } : { engine, runs: runs.get(engine)! },
  );
}

/** The fills of each engine beside ours under its profile. */
function compared(w: Workload, outcomes: readonly Outcome[], dir: string, inputs: readonly string[]): Compared[] {
  const ran = outcomes.filter((o) => 'runs' in o).map((o) => o.engine);
  const out: Compared[] = [];
  for (const p of w.profiles ?? []) {
    const of = ran.filter((e) => e.profile === p.name);
    if (of.length === 0 || !w.fillsUnder) continue;
    const fills = join(dir, `${w.id}-ours-${p.name}.csv`);
    const run: RunContext = { inputs, fills };
    const ours: Engine = { id: 'chimera', name: 'Chimera', kind: 'chimera', args: () => w.fillsUnder!(p, run) };
    const m = measure(ours, run);
    for (const e of of) {
      const found =
        'failed' in m
          ? { ok: false, found: m.failed }
          : compareFills(
              readFills(fills),
              readFills(join(dir, `${w.id}-${e.id}.csv`)),
              p.px_tolerance,
              p.time_tolerance_ms,
            );
      out.push({ engine: e.name, by: `fill profile "${p.name}"`, ok: found.ok, found: found.found });
    }
  }
  if (w.compare) out.push(...w.compare(new Map(ran.map((e) => [e.id, join(dir, `${w.id}-${e.id}.csv`)]))));
  return out;
}

const dir = mkdtempSync(join(tmpdir(), 'chimera-peers-'));
const reports: WorkloadReport[] = [];
const load = loadavg()[0]!;
try {
  for (const w of WORKLOADS) {
    if (!chosen(values.only, w.id)) continue;
    const files = (values.quick ? w.quick : w.inputs).flatMap(inputFiles);
    const inputs = files.map((f) => f.file);
    const outcomes = inTurns(w, (e) => ({ inputs, fills: join(dir, `${w.id}-${e.id}.csv`) }));
    const r = report(w, files, outcomes, compared(w, outcomes, dir, inputs));
    reports.push(r);
    process.stderr.write(`\n${markdown(r)}\n`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

// The peer in TypeScript is installed to see whether it can be; it is no engine of the tables until it can.
const typescript = npmPackage('backtest-kit', '19.5.0');
const machine = {
  cpu: cpus()[0]?.model ?? '',
  cores: cpus().length,
  node: process.version,
  load_at_start: load,
  load_at_end: loadavg()[0]!,
};
mkdirSync(values.out, { recursive: true });
const all = {
  machine,
  size: values.quick ? 'quick' : 'full',
  workloads: reports,
  backtest_kit: typescript ?? 'installs',
};
writeFileSync(join(values.out, 'peers.json'), `${JSON.stringify(all, null, 1)}\n`);
writeFileSync(
  join(values.out, 'peers.md'),
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.load_at_start.toFixed(1)} – ${machine.load_at_end.toFixed(1)}\n\n${reports.map(markdown).join('\n')}\nbacktest-kit 19.5.0: ${typescript ?? 'installs'}\n`,
);
process.exitCode = reports.every((r) => r.compared.every((c) => c.ok)) ? 0 : 1;
