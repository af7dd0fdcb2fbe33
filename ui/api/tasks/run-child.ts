import { spawn } from 'node:child_process';
import { constants, homedir, setPriority, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { home } from '../../cli/version.ts';
import { ApiError } from '../problem.ts';

/** Standard output is one JSON object; what is longer is no answer for a page. */
const MOST_BYTES = 16 * 2 ** 20;
const LIMIT_MS = 120_000;
/** All that a child is given of the environment: nothing that may hold a secret. */
const environment = () => ({ HOME: homedir(), TMPDIR: tmpdir() });

export interface ChildWork {
  readonly args: readonly string[];
  /** Ends the child. */
  readonly signal?: AbortSignal | undefined;
  readonly limitMs?: number;
  readonly mostBytes?: number;
  /** Folder of files that the caller made for the child: its name is of no interest to whoever asked. */
  readonly hide?: string;
}

/**
 * Runs a command of this program with `--json` in a process of its own, with less priority: the engine of a live run, and the API
 * that everybody looks at, go first.
 * @returns what it printed, whether everything held or not (exit codes 0 and 1)
 * @throws CHM1138 when it was ended from here, else what the command failed with
 */
export async function chimeraJson<T>(work: ChildWork): Promise<T> {
  const { args, signal, limitMs = LIMIT_MS, mostBytes = MOST_BYTES } = work;
  signal?.throwIfAborted();
  const program = fileURLToPath(new URL('bin/chimera.js', `file://${home()}/`));
  const child = spawn(process.execPath, [program, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
  });
  if (child.pid !== undefined)
    try {
      setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It may have ended already, or the system does not let us.
    }
  let ended: ApiError | undefined;
  const end = (why: string) => {
    ended ??= new ApiError('CHM1138', why);
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => end(`it took longer than ${limitMs / 1000} s`), limitMs);
  const cancelled = () => end('it was cancelled, or nobody asked about it any more');
  signal?.addEventListener('abort', cancelled, { once: true });
  const said: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (d: Buffer) => {
    bytes += d.length;
    if (bytes > mostBytes) end(`it said more than ${mostBytes} bytes`);
    else said.push(d);
  });
  // Findings and progress are for people at a terminal.
  child.stderr.resume();
  try {
    const code = await new Promise<number | null>((done, fail) => {
      child.once('error', fail);
      child.once('close', done);
    });
    if (ended) throw ended;
    return answerOf<T>(Buffer.concat(said).toString(), code, work.hide);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancelled);
  }
}

interface Refused {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly help?: string | null };
}
function answerOf<T>(text: string, code: number | null, hide: string | undefined): T {
  let answer: T | Refused;
  try {
    answer = JSON.parse(text) as T | Refused;
  } catch (cause) {
    throw new ApiError('CHM1138', `the process ended with ${code ?? 'a signal'} and without an answer`, { cause });
  }
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return answer as T;
  const { error } = answer;
  const plain = (s: string) => (hide === undefined ? s : s.replaceAll(`${hide}/`, ''));
  throw new ApiError(error.code, plain(error.message), {
    status: 422,
    ...(error.help ? { help: plain(error.help) } : {}),
  });
}
