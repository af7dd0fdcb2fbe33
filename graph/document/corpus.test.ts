import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GRAPH_CODES } from '../codes.ts';
import type { Diagnostic } from '../schema/index.ts';
import { loadPipeline } from './load.ts';
import { testingRegistry } from './testing-registry.ts';
import type { LoadOptions } from './types.ts';

/**
 * Broken pipelines, each with the findings that it must give. The first line of a file says in words what is wrong and
 * where; every golden file was read against it. `text` is what the document has at the place of the finding.
 * `# set: NAME=VALUE` and `# profile: FILE` stand for the options of the command. After a wanted change:
 * `UPDATE_GOLDEN=1 npx vitest run graph/document/corpus.test.ts`, then read the difference.
 */
const folder = fileURLToPath(new URL('./corpus', import.meta.url));
const files = readdirSync(folder).filter((f) => f.endsWith('.yaml') && !f.endsWith('.profile.yaml'));

function lint(file: string): (Diagnostic & { text: string })[] {
  const text = readFileSync(join(folder, file), 'utf8');
  const texts = new Map([[file, text]]);
  const options: LoadOptions = {};
  const set = /^# set: (\w+)=(.*)$/m.exec(text);
  if (set) options.sets = { [set[1]!]: set[2]! };
  const profile = /^# profile: (\S+)$/m.exec(text)?.[1];
  if (profile) {
    texts.set(profile, readFileSync(join(folder, profile), 'utf8'));
    options.profile = { file: profile, text: texts.get(profile)! };
  }
  const { pipeline, diagnostics } = loadPipeline(text, file, testingRegistry, options);
  expect(pipeline === undefined).toBe(diagnostics.some((d) => d.severity === 'error'));
  return diagnostics.map((d) => {
    const line = texts.get(d.file)?.split('\n')[d.line - 1] ?? '';
    return { ...d, text: line.slice(d.column - 1, d.end_column - 1) };
  });
}

describe('the corpus of broken pipelines', () => {
  it('has at least 70 documents, whose findings cover the codes of reading a pipeline', () => {
    expect(files.length).toBeGreaterThanOrEqual(70);
    const shown = new Set(files.flatMap((f) => lint(f).map((d) => d.code)));
    // Given by the engine, by tests of pipelines, or only together with a function of a node type.
    const elsewhere = /^CHM(501|15\d|209|7\d\d|108)$/;
    const missing = Object.keys(GRAPH_CODES).filter((c) => !shown.has(c) && !elsewhere.test(c));
    expect(missing).toEqual([]);
  });

  it.each(files)('%s gives exactly its golden findings', (file) => {
    const golden = join(folder, `${basename(file, '.yaml')}.golden.json`);
    const found = lint(file);
    expect(found.length).toBeGreaterThan(0);
    if (process.env['UPDATE_GOLDEN'] || !existsSync(golden)) {
      if (!process.env['UPDATE_GOLDEN']) throw new Error(`no golden file ${golden}`);
      writeFileSync(golden, `${JSON.stringify(found, null, 2)}\n`);
    }
    expect(found).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
  });

  it('names another place when one character of a document moves', () => {
    for (const file of files.filter(
      (f) => !f.startsWith('yaml-') && !f.startsWith('set-') && !f.startsWith('profile-'),
    )) {
      const text = readFileSync(join(folder, file), 'utf8');
      const before = loadPipeline(text, file, testingRegistry).diagnostics;
      const after = loadPipeline(`# one line more\n${text}`, file, testingRegistry).diagnostics;
      expect(after.map((d) => [d.code, d.line - 1, d.column])).toEqual(before.map((d) => [d.code, d.line, d.column]));
    }
  });
});
