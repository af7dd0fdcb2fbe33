import { type ChildProcess, spawn } from 'node:child_process';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { ServiceReport } from './service.ts';

export interface SupervisorJob {
  readonly services: readonly string[];
  /** Command that runs one service: program and arguments. It prints its report as its last line. */
  command(service: string): readonly string[];
  readonly signal?: AbortSignal;
  /** Live services: their sources stop, and all of them come to their end. Until then they hear of no Ctrl-C. */
  readonly drain?: AbortSignal;
  /** A service ended before its work was done, and is started again. */
  readonly onRestart?: (service: string, why: string) => void;
  readonly onStarted?: (service: string, pid: number) => void;
}

export interface Supervised {
  readonly reports: Readonly<Record<string, ServiceReport>>;
  /** How often each service was started again. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** Exit codes of commands that will not end otherwise when they are tried again. */
const FINAL = new Set([1, 2, 3]);
/** So many ends within so many ms are no accident. */
const MOST_ENDS = 20;
const WITHIN_MS = 20_000;

/**
 * Runs each service as a child process and starts again whatever dies, until all have come to the end of the run. A service
 * that says that it cannot go on (wrong usage, unusable input) ends them all.
 */
export async function supervise(job: SupervisorJob): Promise<Supervised> {
  const reports: Record<string, ServiceReport> = {};
  const restarts: Record<string, number> = Object.fromEntries(job.services.map((s) => [s, 0]));
  const children = new Set<ChildProcess>();
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
    for (const c of children) c.kill('SIGTERM');
  };
  job.signal?.addEventListener('abort', end, { once: true });
  try {
    await Promise.all(
      job.services.map(async (service) => {
        const ends: number[] = [];
        for (;;) {
          const ended = await runChild(job, service, children);
          if (ended.report) {
            reports[service] = ended.report;
            return;
          }
          if (stop.signal.aborted) return;
          if (ended.code !== null && FINAL.has(ended.code)) throw failed(service, ended);
          const now = performance.now();
          ends.push(now);
          if (ends.length > MOST_ENDS && now - ends.at(-MOST_ENDS)! < WITHIN_MS) throw failed(service, ended);
          restarts[service]!++;
          job.onRestart?.(service, ended.signal ?? `exit code ${ended.code}`);
          await new Promise((done) => setTimeout(done, 50));
        }
      }),
    );
  } catch (e) {
    end();
    throw e;
  } finally {
    job.signal?.removeEventListener('abort', end);
    await Promise.all([...children].map((c) => new Promise((done) => c.once('close', done))));
  }
  return { reports, restarts };
}

interface Ended {
  code: number | null;
  signal: string | null;
  stderr: string;
  report: ServiceReport | undefined;
}
function runChild(job: SupervisorJob, service: string, children: Set<ChildProcess>): Promise<Ended> {
  const [program, ...args] = job.command(service);
  // With its standard input it learns that whoever started it is gone.
  const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: job.drain !== undefined });
  children.add(child);
  if (job.signal?.aborted) child.kill('SIGTERM');
  if (child.pid !== undefined) job.onStarted?.(service, child.pid);
  child.stdin.on('error', () => {});
  const drain = (): void => void child.stdin.write('drain\n');
  if (job.drain?.aborted) drain();
  else job.drain?.addEventListener('abort', drain, { once: true });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (d: Buffer) => {
    stdout += d.toString();
  });
  child.stderr.on('data', (d: Buffer) => {
    stderr = (stderr + d.toString()).slice(-8000);
  });
  return new Promise((done) => {
    child.once('error', () => {});
    child.once('close', (code, signal) => {
      children.delete(child);
      job.drain?.removeEventListener('abort', drain);
      done({ code, signal, stderr, report: code === 0 ? reportOf(stdout) : undefined });
    });
  });
}
function reportOf(stdout: string): ServiceReport | undefined {
  try {
    const { service_report: report } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      service_report?: ServiceReport;
    };
    return report;
  } catch {
    return undefined;
  }
}
function failed(service: string, { code, signal, stderr }: Ended): ChimeraError {
  const why = stderr.trim() === '' ? (signal ?? `exit code ${code}`) : stderr.trim();
  return new ChimeraError('CHM928', `service ${service} cannot go on`, {
    help: `it said:\n${why}`,
  });
}
