import { type ChildProcess, spawn } from 'node:child_process';

export interface Ended {
  code: number | null;
  signal: string | null;
  /** The end of what it wrote. */
  stderr: string;
}
/** A run in a process of its own, to be killed. */
export interface Child {
  readonly process: ChildProcess;
  /** It has said something: its first inputs are run. */
  readonly announced: Promise<void>;
  readonly ended: Promise<Ended>;
}

/** An abort ends the child; that it did not come to its end is said by `ended`. */
export function startChild(command: readonly string[], options: readonly string[], signal?: AbortSignal): Child {
  const [program, ...args] = command;
  const child = spawn(program!, [...args, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal ? { signal } : {}),
  });
  child.on('error', () => {});
  let stderr = '';
  child.stderr.on('data', (d: Buffer) => {
    stderr = (stderr + d.toString()).slice(-4000);
  });
  const announced = new Promise<void>((done) => child.stdout.once('data', () => done()));
  child.stdout.resume();
  const ended = new Promise<Ended>((done) => child.once('close', (code, sig) => done({ code, signal: sig, stderr })));
  return { process: child, announced, ended };
}

/** Kills the child `ms` after it announced itself. @returns false when it came to its end before */
export async function killAfter(child: Child, ms: () => number): Promise<boolean> {
  const ended = child.ended.then(() => true);
  if (await Promise.race([child.announced.then(() => false), ended])) return false;
  if (await Promise.race([ended, new Promise<boolean>((done) => setTimeout(() => done(false), ms()))])) return false;
  child.process.kill('SIGKILL');
  await child.ended;
  return true;
}
