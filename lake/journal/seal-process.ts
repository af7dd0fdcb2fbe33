import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type BlockReader, ChimeraError, type Where } from '../../graph/schema/index.ts';
import type { S3Options } from '../s3/s3-options.ts';
import { type SchemaJson, schemaToJson } from '../schema.ts';

/** One journal to seal; plain data, because it goes to another process. */
export interface SealJob {
  readonly dir: string;
  readonly lake: string;
  readonly writer: string;
  readonly source: string;
  readonly ports: readonly { readonly name: string; readonly schema: SchemaJson }[];
}
/** What the process is told: its secrets over the channel between the two, never in a command line. */
export interface SealOrder {
  readonly jobs: readonly SealJob[];
  /** How to reach a lake at an `s3://` address. */
  readonly s3?: S3Options;
}
export interface Sealed {
  readonly dir: string;
  /** How many segments were added to the lake. */
  readonly segments: number;
  /** Everything up to this input is in the lake. */
  readonly throughSeq: number;
}
export type SealAnswer =
  | { readonly sealed: readonly Sealed[] }
  | { readonly failed: { code: string; message: string; where: Where; help: string | undefined } };

export const portsOf = (ports: BlockReader['ports']): SealJob['ports'] =>
  ports.map((p) => ({ name: p.name, schema: schemaToJson(p.schema) }));

/** Beside this file in the built program; from the sources, what was built of them. */
const PROGRAM = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/lake/journal/seal-child.js' : './seal-child.js',
    import.meta.url,
  ),
);

/**
 * Seals journals in a process of its own, which has a lower priority: the thread that trades does not wait for it, and the memory
 * that Parquet takes goes away with it. One at a time; started anew for each turn.
 */
export class SealProcess {
  readonly #program: string;
  readonly #s3: S3Options | undefined;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(program = PROGRAM, s3?: S3Options) {
    this.#program = program;
    this.#s3 = s3;
  }
  get running(): boolean {
    return this.#child !== undefined;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws what sealing threw; CHM627 when the process died */
  seal(jobs: readonly SealJob[]): Promise<readonly Sealed[]> {
    const child = fork(this.#program, [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    let answer: SealAnswer | undefined;
    let said = '';
    child.stderr!.on('data', (d: Buffer) => {
      said = (said + d.toString()).slice(-4000);
    });
    child.once('message', (m) => {
      answer = m as SealAnswer;
    });
    const closed = new Promise<string>((done) => {
      child.once('error', (e) => done(e.message));
      child.once('close', (code, signal) => done(said.trim().split('\n').at(-1) || `it ended with ${signal ?? code}`));
    });
    this.#ended = closed;
    if (child.pid !== undefined) lower(child.pid);
    const order: SealOrder = this.#s3 ? { jobs, s3: this.#s3 } : { jobs };
    child.send(order, () => {});
    return closed.then((why) => {
      this.#child = undefined;
      if (answer === undefined)
        throw new ChimeraError('CHM627', `the process that seals the journal died: ${why}`, {
          help: 'the segments stay where they are and are sealed later',
        });
      if ('sealed' in answer) return answer.sealed;
      const { code, message, where, help } = answer.failed;
      throw new ChimeraError(code, message, { ...where, ...(help === undefined ? {} : { help }) });
    });
  }
  /** Ends a turn that is under way; what it has not committed is done again. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }
}

function lower(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It ended, or the system has no priorities.
  }
}
