import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { home } from '../../cli/version.ts';

/** This program as a process of its own, as a person starts it. */
export class Program {
  readonly #child: ChildProcess;
  #said = '';
  readonly #ended: Promise<void>;
  #told = false;

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [join(home(), 'bin', 'chimera.js'), ...args], {
      cwd: home(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (piece) => {
        this.#said += String(piece);
      });
    this.#ended = new Promise((done) =>
      this.#child.once('exit', (code, signal) => {
        // Whoever waits for what it does would never learn why.
        if (!this.#told)
          console.error(`chimera ${args[0]} ended by itself (${code ?? signal}): ${this.#said.slice(-2000)}`);
        done();
      }),
    );
  }
  /** What it says, once it has said it. @throws when it ended or was silent for too long */
  async says(pattern: RegExp, withinMs = 60_000): Promise<RegExpExecArray> {
    const until = performance.now() + withinMs;
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found) return found;
      if (this.#child.exitCode !== null || performance.now() > until)
        throw new Error(`${String(pattern)} was not said: ${this.#said}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  /** Without a word, as the machine's own killer does it. */
  async kill(): Promise<void> {
    this.#told = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
  async end(): Promise<void> {
    this.#told = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGINT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await this.#ended;
    clearTimeout(timer);
  }
}
