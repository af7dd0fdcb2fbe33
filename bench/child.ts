import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** CPU and wall time since `start`, and the most memory the process ever held. */
export interface Cost {
  wall_s: number;
  cpu_s: number;
  peak_rss_mb: number;
}
export function startCost(): () => Cost {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  return () => {
    const used = process.cpuUsage(cpu);
    return {
      wall_s: (performance.now() - wall) / 1000,
      cpu_s: (used.user + used.system) / 1e6,
      peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    };
  };
}

export interface ChildOptions {
  /** The runtime; default this one. */
  node?: string;
  /** Pins the process and all its threads to this many cores (Linux, where `taskset` is there). */
  cores?: number;
  nodeArgs?: readonly string[];
}

/** Runs a part of a benchmark in a process of its own, so that parts share neither compiled code nor memory; its stdout is one JSON value. */
export function inChild<T>(script: string, args: readonly string[], options: ChildOptions = {}): T {
  const command = [options.node ?? process.execPath, ...(options.nodeArgs ?? []), fileURLToPath(script), ...args];
  if (options.cores !== undefined && canPin())
    command.unshift('taskset', '-c', Array.from({ length: options.cores }, (_, i) => i).join(','));
  const r = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (r.status !== 0) throw new Error(`${command.join(' ')} ended with ${r.signal ?? r.status}`);
  return JSON.parse(r.stdout) as T;
}
let pin: boolean | undefined;
export const canPin = (): boolean => (pin ??= spawnSync('taskset', ['--version']).status === 0);

/** Whether this module is the script that node was started with. */
export const isMain = (url: string): boolean => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
