/** Where something is wrong: a place in a file, or an event in a run. All positions are 1-based. */
export interface Where {
  file?: string;
  line?: number;
  column?: number;
  endColumn?: number;
  node?: string;
  source?: string;
  seq?: number;
  field?: string;
}
export interface ErrorDetails extends Where {
  /** What the reader can do about it. */
  help?: string;
  cause?: unknown;
}

/** Every error a user can meet: a stable code (documented in docs/reference/errors.md), what, where, what to do. */
export class ChimeraError extends Error {
  readonly code: string;
  readonly where: Where;
  readonly help: string | undefined;
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ChimeraError';
    this.code = code;
    const { help, cause: _cause, ...where } = details;
    this.where = where;
    this.help = help;
  }
  /** `trend.yaml:12:9 error CHM201 unknown input` or `book #1234 error CHM703 …` */
  override toString(): string {
    const w = this.where;
    const place = w.file
      ? `${w.file}${w.line === undefined ? '' : `:${w.line}${w.column === undefined ? '' : `:${w.column}`}`} `
      : w.node
        ? `${w.node}${w.seq === undefined ? '' : ` #${w.seq}`} `
        : '';
    return `${place}error ${this.code} ${this.message}${this.help ? `\n  help: ${this.help}` : ''}`;
  }
}

/** One finding about a file, as `chimera lint --format json` prints it. */
export interface Diagnostic {
  code: string;
  severity: 'error' | 'warning';
  file: string;
  line: number;
  column: number;
  end_column: number;
  message: string;
  help: string | null;
  suggestion: string | null;
}

/** A refused input line or an unreadable end, as the quality report lists it. */
export interface BadInput {
  file: string;
  line: number;
  code: string;
  message: string;
}

/** A documented code: the one paragraph that docs/reference/errors.md prints. */
export type CodeTable = Readonly<Record<`CHM${number}`, { title: string; text: string }>>;
