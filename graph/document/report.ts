import { SUPPRESSIBLE, WARNINGS } from '../codes.ts';
import type { Diagnostic } from '../schema/index.ts';
import { quote, type Span, type Tree } from './tree.ts';

export interface FindingOptions {
  help?: string | undefined;
  suggestion?: string | undefined;
  severity?: 'error' | 'warning' | undefined;
  /** The node that the finding is about: its `allow` may suppress it. */
  node?: string | undefined;
}
interface Finding extends Diagnostic {
  node: string | undefined;
}
export interface Allowance {
  code: string;
  span: Span;
  /** undefined: the whole document. */
  node: string | undefined;
}

/** Beyond this many findings a document is not being corrected but replaced. */
const MOST = 1000;

/** Collects the findings of all stages of a load; nothing throws. */
export class Report {
  readonly #findings: Finding[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;
  #broken = false;

  /** @param known what was found already */
  constructor(known?: Report) {
    if (!known) return;
    this.#findings.push(...known.#findings);
    for (const id of known.#seen) this.#seen.add(id);
    this.#errors = known.#errors;
    this.#broken = known.#broken;
  }

  add(code: string, span: Span, message: string, options: FindingOptions = {}): void {
    const severity = options.severity ?? (WARNINGS.has(code) ? 'warning' : 'error');
    if (severity === 'error') this.#errors++;
    if (severity === 'error' && !SUPPRESSIBLE.has(code)) this.#broken = true;
    if (this.#findings.length >= MOST) return;
    const place = locate(span);
    // One mistake in a parameter that several nodes use is one finding.
    const what = options.suggestion ?? message;
    const id = `${code}\0${span.source.file}\0${place.line}\0${place.column}\0${what}`;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#findings.push({
      code,
      severity,
      ...place,
      message,
      help: options.help ?? null,
      suggestion: options.suggestion ?? null,
      node: options.node,
    });
  }
  /** Takes over errors that another reading of the same document found and this one did not. */
  addErrors(diagnostics: readonly Diagnostic[], note: string): void {
    for (const d of diagnostics) {
      const known = this.#findings.some(
        (f) => f.code === d.code && f.file === d.file && f.line === d.line && f.column === d.column,
      );
      if (known || d.severity !== 'error' || this.#findings.length >= MOST) continue;
      this.#errors++;
      this.#findings.push({ ...d, help: d.help === null ? note : `${note}; ${d.help}`, node: undefined });
    }
  }
  /** Errors so far, suppressed ones included. */
  get errors(): number {
    return this.#errors;
  }

  /** Whether there is an error so far that nothing can suppress. */
  get broken(): boolean {
    return this.#broken;
  }

  /** All findings in order of place, without what the document allows; an allowance that meets nothing is a finding itself. */
  finish(allowances: readonly Allowance[]): Diagnostic[] {
    const used = new Set<Allowance>();
    const kept = this.#findings.filter((f) => {
      const by = allowances.filter((a) => a.code === f.code && (a.node === undefined || a.node === f.node));
      for (const a of by) used.add(a);
      return by.length === 0 || (f.severity === 'error' && !SUPPRESSIBLE.has(f.code));
    });
    this.#findings.length = 0;
    for (const a of allowances)
      if (!used.has(a))
        this.add('CHM142', a.span, `nothing here gives ${a.code}: the suppression has no effect`, {
          help: `remove it${a.node ? '' : ', or move it to the node that it is meant for'}`,
        });
    kept.push(...this.#findings);
    return kept
      .map(({ node: _, ...d }) => d)
      .sort(
        (a, b) =>
          (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
          a.line - b.line ||
          a.column - b.column ||
          (a.code < b.code ? -1 : a.code > b.code ? 1 : 0) ||
          (a.message < b.message ? -1 : a.message > b.message ? 1 : 0),
      );
  }
}

/** 1-based place of a span; a span over several lines ends with its first line, an empty one is one column wide. */
function locate(span: Span): { file: string; line: number; column: number; end_column: number } {
  const { source } = span;
  const { line, column } = source.position(span.start);
  const end = Math.min(span.end, source.lineEnd(Math.min(span.start, source.text.length)));
  return { file: source.file, line, column, end_column: column + Math.max(1, end - span.start) };
}

/** `file:12:3`, for help texts that point to a second place. */
export function place(span: Span): string {
  const { line, column } = span.source.position(span.start);
  return `${span.source.file}:${line}:${column}`;
}

/** Where a value that is written as a parameter is used. */
export const viaText = (tree: Tree): string | undefined =>
  tree.via && `it is used as \`$${tree.via.param}\` at ${place(tree.via.span)}`;

/** `a, b or c`, quoted and shortened. */
export function listing(names: readonly string[], most = 12): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, most).map((n) => (/^[\w$.-]+$/.test(n) ? n : quote(n)));
  if (names.length > most) return `${shown.join(', ')}, … (${names.length} in all)`;
  return shown.join(', ');
}
