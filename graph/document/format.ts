import { GRAPH_CODES } from '../codes.ts';
import type { CodeTable, Diagnostic } from '../schema/index.ts';

export type Format = 'text' | 'json' | 'github' | 'sarif';
export interface FormatOptions {
  format: Format;
  /** ANSI colours, for `text` only. */
  color?: boolean;
  /** Tables of codes whose titles SARIF shows; those of the graph are always known. */
  tables?: readonly CodeTable[];
  /** The program's version, for SARIF. */
  version?: string;
}

/**
 * Shows findings. `sources` maps file names to their texts, for the lines that `text` quotes; a finding whose file is
 * not in it (a `--set`) is shown without.
 */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: FormatOptions,
): string {
  switch (options.format) {
    case 'json':
      return JSON.stringify(diagnostics, null, 2);
    case 'github':
      return diagnostics.map(githubLine).join('\n');
    case 'sarif':
      return JSON.stringify(sarif(diagnostics, options), null, 2);
    default:
      return text(diagnostics, sources, options.color ?? false);
  }
}

const ANSI = { bold: 1, dim: 2, red: 31, yellow: 33, cyan: 36 } as const;
type Paint = (style: keyof typeof ANSI, s: string) => string;

function text(diagnostics: readonly Diagnostic[], sources: ReadonlyMap<string, string>, color: boolean): string {
  const paint: Paint = (style, s) => (color ? `\u001b[${ANSI[style]}m${s}\u001b[0m` : s);
  const lines = new Map([...sources].map(([file, t]) => [file, t.replace(/^\uFEFF/, '').split(/\r?\n/)]));
  const blocks = diagnostics.map((d) => block(d, lines.get(d.file), paint));
  const errors = diagnostics.filter((d) => d.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  if (diagnostics.length === 0) return '';
  const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;
  return [...blocks, `${count(errors, 'error')}, ${count(warnings, 'warning')}`].join('\n\n');
}

function block(d: Diagnostic, lines: readonly string[] | undefined, paint: Paint): string {
  const severity = paint(d.severity === 'error' ? 'red' : 'yellow', `${d.severity} ${d.code}`);
  const out = [`${paint('bold', `${d.file}:${d.line}:${d.column}`)} ${severity} ${d.message}`];
  const line = lines?.[d.line - 1];
  if (line !== undefined) {
    const width = String(d.line).length;
    const shown = (n: number) => `  ${paint('dim', `${String(n).padStart(width)} |`)} ${lines![n - 1]}`.trimEnd();
    if (d.line > 1) out.push(shown(d.line - 1));
    out.push(shown(d.line));
    // Tabs stay tabs, so that the caret stands under its character whatever their width.
    const indent = line.slice(0, d.column - 1).replace(/[^\t]/g, ' ');
    const carets = '^'.repeat(Math.max(1, d.end_column - d.column));
    out.push(`  ${' '.repeat(width)} ${paint('dim', '|')} ${indent}${paint('red', carets)}`);
  }
  if (d.suggestion !== null) out.push(`  did you mean ${paint('cyan', quoted(d.suggestion))}?`);
  if (d.help !== null) out.push(`  ${paint('dim', 'help:')} ${d.help}`);
  return out.join('\n');
}
const quoted = (s: string): string => (s.startsWith('"') ? s : `"${s}"`);

/** A workflow command of GitHub Actions: an annotation at the line. */
function githubLine(d: Diagnostic): string {
  const property = (s: string) =>
    s
      .replaceAll('%', '%25')
      .replaceAll('\r', '%0D')
      .replaceAll('\n', '%0A')
      .replaceAll(':', '%3A')
      .replaceAll(',', '%2C');
  const data = (s: string) => s.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const tail = [d.suggestion === null ? '' : `did you mean ${quoted(d.suggestion)}?`, d.help ?? ''].filter(
    (s) => s !== '',
  );
  const message = [d.message, ...tail].join('\n');
  return `::${d.severity} file=${property(d.file)},line=${d.line},col=${d.column},endColumn=${d.end_column},title=${property(d.code)}::${data(message)}`;
}

/** SARIF 2.1.0, as code scanning reads it. */
function sarif(diagnostics: readonly Diagnostic[], options: FormatOptions): unknown {
  const known: CodeTable = Object.assign({}, GRAPH_CODES, ...(options.tables ?? []));
  const codes = [...new Set(diagnostics.map((d) => d.code))].sort();
  const rules = codes.map((id) => {
    const entry = known[id as `CHM${number}`];
    return {
      id,
      ...(entry ? { shortDescription: { text: entry.title }, fullDescription: { text: entry.text } } : {}),
    };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'chimera', ...(options.version ? { version: options.version } : {}), rules } },
        columnKind: 'utf16CodeUnits',
        results: diagnostics.map((d) => ({
          ruleId: d.code,
          ruleIndex: codes.indexOf(d.code),
          level: d.severity,
          message: {
            text: [d.message, d.suggestion === null ? '' : `did you mean ${quoted(d.suggestion)}?`, d.help ?? '']
              .filter((s) => s !== '')
              .join('\n'),
          },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uri(d.file) },
                region: { startLine: d.line, startColumn: d.column, endLine: d.line, endColumn: d.end_column },
              },
            },
          ],
          ...(d.suggestion === null ? {} : { properties: { suggestion: d.suggestion } }),
        })),
      },
    ],
  };
}

const uri = (file: string): string => file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
