import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { environment, lastLines, PEERS } from './environment.ts';
import type { Answer, Engine, Measured, RunContext } from './workload.ts';

/** Runs an engine once in a process of its own, on pinned cores. */
export function measure(engine: Engine, context: RunContext): Measured | { failed: string } {
  const own = engine.environment === undefined;
  const env = own ? { python: process.execPath } : environment(engine.environment!);
  if ('failed' in env) return { failed: `does not install: ${env.failed}` };
  const cores = Array.from({ length: engine.cores ?? 1 }, (_, i) => i).join(',');
  const decoded = join(dirname(context.fills), 'decoded');
  if (!engine.again) rmSync(decoded, { recursive: true, force: true });
  const command = [join(PEERS, 'measure.py'), cores, env.python, ...engine.args(context)];
  const r = spawnSync(process.env['CHIMERA_PYTHON'] ?? 'python3', command, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      CHIMERA_CACHE: decoded,
      PYTHONDONTWRITEBYTECODE: '',
      OMP_NUM_THREADS: cores.split(',').length.toString(),
    },
  });
  const lines = r.stdout.trim().split('\n');
  const cost = JSON.parse(lines.pop() ?? '{}') as {
    cpu_s: number;
    wall_s: number;
    peak_rss_mb: number;
    status: number;
  };
  if (r.status !== 0 || cost.status !== 0) return { failed: `does not run (${cost.status}): ${lastLines(r.stderr)}` };
  return {
    ...answerOf(lines.pop() ?? '', cost.cpu_s),
    process_cpu_s: cost.cpu_s,
    process_wall_s: cost.wall_s,
    peak_rss_mb: cost.peak_rss_mb,
  };
}

/** A peer's answer, or the JSON of `chimera backtest` or `chimera sweep`. One whose work lies in several processes leaves its CPU time to the system. */
function answerOf(line: string, process_cpu_s: number): Answer {
  const a = JSON.parse(line) as Omit<Answer, 'cpu_s'> & {
    cpu_s?: number;
    events_in?: number;
    sets?: number;
    load_s?: number;
    run_s?: number;
  };
  const rows = typeof a.rows === 'number' ? a.rows : (a.events_in ?? 0) * (a.sets ?? 1);
  return { ...a, rows, cpu_s: a.cpu_s ?? process_cpu_s, wall_s: a.wall_s ?? (a.load_s ?? 0) + (a.run_s ?? 0) };
}
