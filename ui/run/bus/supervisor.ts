import { type ChildProcess, spawn } from 'node:child_process';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { isPassingCode } from './passing.ts';
import type { ServiceReport } from './service.ts';

export interface SupervisorJob {
  readonly services: readonly string[];
  /**
   * Command that runs one service: program and arguments. It prints lines of JSON: how it is doing now and then (`service_state`), when
   * it has come to the end of the run or has gone back behind it (`service_closed`), and its report as the last one. At the end of the
   * run it stays until its standard input ends.
   */
  command(service: string): readonly string[];
  readonly signal?: AbortSignal;
  /** Live services: their sources stop, and all of them come to their end. Until then they hear of no Ctrl-C. */
  readonly drain?: AbortSignal;
  /** A service ended before its work was done, and is started again. */
  readonly onRestart?: (service: string, why: string) => void;
  readonly onStarted?: (service: string, pid: number) => void;
  readonly onState?: (service: string, state: ServiceState) => void;
}

/** How a service is doing, in a line. */
export interface ServiceState {
  readonly cycles: number;
  /** Engine time, µs. */
  readonly now: number;
  readonly lagUs: number;
  /** What the bus suffers from. */
  readonly code?: string;
  /** It has come to the end of the run. */
  readonly closed?: boolean;
}

export interface Supervised {
  readonly reports: Readonly<Record<string, ServiceReport>>;
  /** How often each service was started again. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** Exit codes of commands that will not end otherwise when they are tried again. */
const FINAL = new Set([1, 2, 3]);
const LONGEST_PAUSE_MS = 30_000;
/** A run as long as this is no failed start. */
const LONG_RUN_MS = 60_000;
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
  const closed = new Set<string>();
  // Whoever is at the end stays until all are: a bus that forgets needs them once more.
  const onClosed = (service: string, isClosed: boolean): void => {
    if (isClosed) closed.add(service);
    else closed.delete(service);
    if (closed.size === job.services.length) for (const c of children) c.stdin?.end();
  };
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
        let pauseMs = 0;
        for (;;) {
          const begun = performance.now();
          const ended = await runChild(job, service, children, onClosed);
          if (ended.report) {
            reports[service] = ended.report;
            return;
          }
          if (stop.signal.aborted) return;
          onClosed(service, false);
          const why = /error (CHM\d{3,4})/g;
          const code = [...ended.stderr.matchAll(why)].at(-1)?.[1];
          const passing = isPassingCode(code);
          if (ended.code !== null && FINAL.has(ended.code) && !passing) throw failed(service, ended);
          if (performance.now() - begun > LONG_RUN_MS) pauseMs = 0;
          pauseMs = passing ? Math.min(Math.max(1000, 2 * pauseMs), LONGEST_PAUSE_MS) : 50;
          const now = performance.now();
          ends.push(now);
          if (ends.length > MOST_ENDS && now - ends.at(-MOST_ENDS)! < WITHIN_MS) throw failed(service, ended);
          restarts[service]!++;
          job.onRestart?.(service, ended.signal ?? (passing ? code : `exit code ${ended.code}`));
          await pause(pauseMs, stop.signal);
          if (stop.signal.aborted) return;
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
function runChild(
  job: SupervisorJob,
  service: string,
  children: Set<ChildProcess>,
  onClosed: (service: string, closed: boolean) => void,
): Promise<Ended> {
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
  let rest = '';
  let report: ServiceReport | undefined;
  const said = (line: string): void => {
    const what = lineOf(line);
    if (what.service_report) report = what.service_report;
    if (what.service_closed !== undefined) onClosed(service, what.service_closed);
    if (what.service_state) job.onState?.(service, what.service_state);
  };
  let stderr = '';
  child.stdout.on('data', (d: Buffer) => {
    const lines = (rest + d.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) said(line);
  });
  child.stderr.on('data', (d: Buffer) => {
    stderr = (stderr + d.toString()).slice(-8000);
  });
  return new Promise((done) => {
    child.once('error', () => {});
    child.once('close', (code, signal) => {
      children.delete(child);
      job.drain?.removeEventListener('abort', drain);
      said(rest);
      done({ code, signal, stderr, report: code === 0 ? report : undefined });
    });
  });
}
interface Line {
  readonly service_report?: ServiceReport;
  readonly service_closed?: boolean;
  readonly service_state?: ServiceState;
}
function lineOf(line: string): Line {
  try {
    const what: unknown = line.startsWith('{') ? JSON.parse(line) : {};
    return what as Line;
  } catch {
    return {};
  }
}
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
function failed(service: string, { code, signal, stderr }: Ended): ChimeraError {
  const why = stderr.trim() === '' ? (signal ?? `exit code ${code}`) : stderr.trim();
  return new ChimeraError('CHM928', `service ${service} cannot go on`, {
    help: `it said:\n${why}`,
  });
}
