import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../cli/main.ts';
import { codeTables } from './code-tables.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** What is installed, built or left by a run. */
const SKIPPED = new Set(['node_modules', 'dist', 'runs', 'bench/results']);

function* filesUnder(dir: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, dir), { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (SKIPPED.has(path) || entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const TABLE = /(^|\/)codes\.ts$/;
/** Tests, and what only they use, have codes of their own making. */
const isTest = (file: string): boolean =>
  /\.(test|contract|conformance)\.ts$|(^|\/)(testing|corpus)(-[\w-]+)?(\/|\.ts$)/.test(file);
const sources = [...filesUnder('.')].filter((f) => /\.(ts|js|ya?ml)$/.test(f) && !isTest(f));

/** Code → the files that have it, tables left out. */
const used = new Map<string, string[]>();
for (const file of sources)
  if (!TABLE.test(file))
    for (const code of new Set(read(file).match(/\bCHM\d{3,4}\b/g))) used.set(code, [...(used.get(code) ?? []), file]);

const entries = codeTables.flatMap((t) => Object.entries(t));
const documented = new Set(entries.map(([code]) => code));

/** Declared for what this version does not do: no column kind is checked at run time, and every codec holds every kind. */
describe('the codes of errors', () => {
  it('are all found: the scan sees each room and many codes', () => {
    const rooms = new Set([...used.values()].flat().map((f) => f.split('/')[0]));
    for (const room of ['graph', 'lake', 'operators', 'sinks', 'sources', 'ui', 'venue']) expect(rooms).toContain(room);
    expect(used.size).toBeGreaterThan(150);
  });
  it('have a paragraph each, wherever they are raised [DEP.12]', () => {
    expect([...used].filter(([code]) => !documented.has(code))).toEqual([]);
  });
  it('are documented once', () => {
    const codes = entries.map(([code]) => code);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
    // The compiler refuses a key that stands twice in one table; two tables with the same one would hide each other.
    expect(codes.every((code) => /^CHM\d{3,4}$/.test(code))).toBe(true);
  });
  it('are raised somewhere', () => {
    expect([...documented].filter((code) => !used.has(code))).toEqual([]);
  });
  it('have a short title and a paragraph that ends as a sentence', () => {
    for (const [code, { title, text }] of entries) {
      expect(title.length, code).toBeLessThanOrEqual(80);
      expect(title, code).not.toMatch(/[.:]$/);
      expect(text.length, code).toBeGreaterThan(20);
      expect(text, code).toMatch(/[.)]$/);
      expect(text, code).not.toContain('\n');
    }
  });
  it('are in the list whichever room they are of: every table of the tree is', () => {
    const list = read('ui/docs/code-tables.ts');
    const tables = sources.filter((f) => TABLE.test(f));
    expect(tables.length).toBeGreaterThan(10);
    const missing = tables.filter((f) => {
      const from = relative('ui/docs', f);
      return !list.includes(`'${from}'`);
    });
    expect(missing).toEqual([]);
  });
  it('are explained by the command line from the same list', async () => {
    let out = '';
    const io = { stdout: { write: (s: string) => (out += s) }, stderr: { write: () => undefined }, env: {} };
    for (const [code, { title, text }] of entries) {
      out = '';
      expect(await main(['explain', code, '--json'], io), code).toBe(0);
      expect(JSON.parse(out)).toEqual({ code, title, text });
    }
  });
});
