import type { Io } from './io.ts';
import { Progress } from './progress.ts';

/** What every command is given. */
export class Context {
  readonly io: Io;
  json = false;
  verbose = false;
  /** Exit code of a command that ended without an error. */
  code = 0;
  constructor(io: Io) {
    this.io = io;
  }
  /** Colour on a stream: a terminal, and nobody asked for none (NO_COLOR, TERM=dumb). */
  color(stream: 'stdout' | 'stderr'): boolean {
    const { env } = this.io;
    return this.io[stream].isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }
  paint(stream: 'stdout' | 'stderr', style: keyof typeof STYLES, text: string): string {
    return this.color(stream) ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
  }
  out(text: string): void {
    this.io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }
  /** The result of a command: one JSON object with `--json`, text for people otherwise. */
  result(value: object, text: () => string): void {
    if (this.json) this.io.stdout.write(`${JSON.stringify(value)}\n`);
    else this.out(text());
  }
  /** A progress bar on stderr, where a terminal is; nothing otherwise. */
  progress(label: string): Progress {
    return new Progress(this.io.stderr, label, this.io.stderr.isTTY === true && this.io.env['TERM'] !== 'dumb');
  }
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
