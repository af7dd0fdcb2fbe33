import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './environment.ts';
import { compareFills, readFills } from './fills.ts';
import { inputFiles } from './inputs.ts';
import { measure } from './measure.ts';
import { markdown, report, type WorkloadReport } from './report.ts';
import type { Compared, Engine, Measured, Outcome, RunContext, Workload } from './workload.ts';
import { WORKLOADS } from './workloads.ts';

/**
 * `npm run bench:peers [-- --only w1,w3 --repeats N --quick --engines chimera,jesse-fast]`: Chimera beside other engines, on the
 * same bytes, in processes of their own on pinned cores, in turns. `--only w5` takes all that begin with it (`w5-50`, `w5-200`).
 * What it needs it installs into the cache folder (`~/.cache/chimera/peers`, or `CHIMERA_CACHE`). Tables go to stderr and
 * bench/results/peers.md, everything to bench/results/peers.json. Exit code 1 when engines do not find the same: fills that
 * differ from those of a peer under its profile, other sums. A goal that is missed is told, and is no failure.
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
const listed = (list: string): string[] => list.split(',').filter((name) => name !== '');
const [only, peers] = [listed(values.only), listed(values.engines)];
const chosen = (w: Workload): boolean => only.length === 0 || only.some((o) => w.id === o || w.id.startsWith(`${o}-`));
const repeats = values.quick ? 1 : Number(values.repeats);
const load = (): number => loadavg()[0]!;

/** A B C A B C …: what disturbs the machine disturbs all of them. */
function inTurns(w: Workload, context: (e: Engine) => RunContext): Outcome[] {
  const engines = w.engines.filter((e) => e.kind === 'chimera' || peers.length === 0 || peers.includes(e.id));
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

/** The fills of each engine beside ours under its profile, and what else the workload compares. */
function compared(w: Workload, outcomes: readonly Outcome[], context: (e: Engine) => RunContext): Compared[] {
  const ran = outcomes
    .filter((o) => 'runs' in o)
    .map(({ engine, runs }) => ({ engine, runs, written: context(engine).fills }));
  const out: Compared[] = [];
  for (const p of w.profiles ?? []) {
    const of = ran.filter((r) => r.engine.profile === p.name);
    if (of.length === 0 || !w.fillsUnder) continue;
    const under: Engine = {
      id: `ours-${p.name}`,
      name: 'Chimera',
      kind: 'chimera',
      args: (run) => w.fillsUnder!(p, run),
    };
    const m = measure(under, context(under));
    for (const r of of) {
      const found =
        'failed' in m
          ? { ok: false, found: m.failed }
          : compareFills(readFills(context(under).fills), readFills(r.written), p.px_tolerance, p.time_tolerance_ms);
      out.push({ engine: r.engine.name, by: `fill profile "${p.name}"`, ok: found.ok, found: found.found });
    }
  }
  return [...out, ...(w.compare?.(ran, ran.length === 0 ? [] : context(ran[0]!.engine).inputs) ?? [])];
}

mkdirSync(cacheFolder(), { recursive: true });
const dir = mkdtempSync(join(cacheFolder(), 'run-'));
const reports: WorkloadReport[] = [];
const loadAtStart = load();
try {
  for (const w of WORKLOADS.filter(chosen)) {
    const files = (values.quick ? w.quick : w.inputs).flatMap(inputFiles);
    const prepared = w.prepare?.(files, dir);
    const inputs = prepared?.inputs ?? files.map((f) => f.file);
    const context = (e: Engine): RunContext => ({
      inputs,
      fills: join(dir, `${w.id}-${e.id}.csv`),
      quick: values.quick,
    });
    const before = load();
    const outcomes = inTurns(w, context);
    const after = load();
    const r = report(
      w,
      { files, note: prepared?.note, quick: values.quick },
      outcomes,
      compared(w, outcomes, context),
      [before, after],
    );
    reports.push(r);
    process.stderr.write(`\n${markdown(r)}\n`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

const machine = {
  cpu: cpus()[0]?.model ?? '',
  cores: cpus().length,
  node: process.version,
  load_at_start: loadAtStart,
  load_at_end: load(),
};
mkdirSync(values.out, { recursive: true });
const all = { machine, size: values.quick ? 'quick' : 'full', workloads: reports };
writeFileSync(join(values.out, 'peers.json'), `${JSON.stringify(all, null, 1)}\n`);
writeFileSync(
  join(values.out, 'peers.md'),
  `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.load_at_start.toFixed(1)} – ${machine.load_at_end.toFixed(1)}, ${all.size} size\n\n${reports.map(markdown).join('\n')}`,
);
process.exitCode = reports.every((r) => r.compared.every((c) => c.ok)) ? 0 : 1;
