import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../graph/document/load.ts';
import { main } from '../ui/cli/main.ts';
import { codeTables, registry } from '../ui/cli/registry.ts';

const root = dirname(import.meta.dirname);
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'chimera-docs-'));
const cwd = process.cwd();
afterAll(() => {
  process.chdir(cwd);
  rmSync(dir, { recursive: true, force: true });
});

/** Fenced blocks of a document: language, the rest of the fence's line, text. */
function blocks(markdown: string): { language: string; info: string; text: string }[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map((m) => ({
    language: m[1]!,
    info: m[2]!.trim(),
    text: m[3]!,
  }));
}
/** `npx chimera` commands of the shell blocks, as arguments. */
function commands(markdown: string): string[][] {
  return blocks(markdown)
    .filter((b) => b.language === 'sh')
    .flatMap((b) => b.text.split('\n'))
    .filter((l) => l.startsWith('npx chimera '))
    .map((l) => [...l.slice('npx chimera '.length).matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2]!));
}
async function chimera(argv: readonly string[]): Promise<{ code: number; err: string }> {
  let err = '';
  const io = {
    stdout: { write: () => undefined },
    stderr: {
      write: (s: string) => {
        err += s;
      },
    },
    env: {},
  };
  return { code: await main(argv, io), err };
}

describe('the documents', () => {
  it('show commands that work, in the order in which they stand', async () => {
    symlinkSync(join(root, 'pipelines'), join(dir, 'pipelines'));
    process.chdir(dir);
    const all = commands(read('README.md'));
    expect(all.length).toBeGreaterThan(12);
    for (const argv of all) {
      const { code, err } = await chimera(argv);
      // A doctor in a checkout that is not built says so; everything else must hold.
      if (argv[0] !== 'doctor') expect([argv.join(' '), code, code === 0 ? '' : err]).toEqual([argv.join(' '), 0, '']);
    }
    for (const file of ['train.parquet', 'backtest.html', 'top.csv', 'report.html', 'trend.svg'])
      expect(existsSync(join(dir, 'runs/tour', file))).toBe(true);
    process.chdir(cwd);
  }, 240_000);
  it('show pipelines that lint', () => {
    const yaml = blocks(read('README.md')).filter((b) => b.language === 'yaml');
    expect(yaml).toHaveLength(1);
    expect(loadPipeline(yaml[0]!.text, 'README.md', registry).diagnostics).toEqual([]);
  });
  it('link to files that exist', () => {
    for (const file of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/ARCHITECTURE.md', 'docs/DETERMINISM.md'])
      for (const [, to] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        expect([file, to, existsSync(join(root, dirname(file), to!))]).toEqual([file, to, true]);
  });
  it('name files that exist in the architecture', () => {
    const text = read('docs/ARCHITECTURE.md');
    const named = [
      ...text.matchAll(/`((?:graph|operators|sources|sinks|lake|venue|ui|pipelines|bench)\/[\w./-]*)`/g),
    ].map((m) => m[1]!);
    expect(named.length).toBeGreaterThan(20);
    for (const path of named) {
      const found = existsSync(join(root, path)) || existsSync(join(root, `${path.replaceAll('_', '-')}.ts`));
      expect([path, found]).toEqual([path, true]);
    }
  });
  it('name codes that exist', () => {
    const known = new Set(codeTables.flatMap((t) => Object.keys(t)));
    for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/DETERMINISM.md', 'docs/ARCHITECTURE.md'])
      for (const [code] of read(file).matchAll(/CHM\d{3,4}/g))
        expect([file, code, known.has(code)]).toEqual([file, code, true]);
  });
  it('are generated anew after each change of what they are generated from (npx chimera docs)', async () => {
    let out = '';
    const write = (s: string) => {
      out += s;
    };
    const code = await main(['docs', '--check', '--json'], { stdout: { write }, stderr: { write }, env: {} });
    expect(JSON.parse(out)).toEqual({ ok: true, changed: [] });
    expect(code).toBe(0);
  });
});

describe('the ten minutes of CONTRIBUTING.md', () => {
  it('end with a node type that compiles, and whose test passes', () => {
    const files = blocks(read('CONTRIBUTING.md')).filter((b) => b.info.startsWith('file='));
    expect(files).toHaveLength(2);
    const project = join(dir, 'project');
    for (const { info, text } of files) {
      const file = join(project, info.slice('file='.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    for (const shared of ['graph', 'node_modules', 'package.json'])
      symlinkSync(join(root, shared), join(project, shared));
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: { rootDir: '/', noEmit: true, typeRoots: [join(root, 'node_modules/@types')] },
        include: ['operators'],
        exclude: [],
      }),
    );
    const node = (script: string, ...args: string[]) =>
      execFileSync(process.execPath, [join(root, 'node_modules', script), ...args], {
        cwd: project,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    node('typescript/bin/tsc', '-p', '.');
    writeFileSync(
      join(project, 'vitest.config.mjs'),
      `export default { test: { include: ['operators/**/*.test.ts'] } };\n`,
    );
    expect(node('vitest/vitest.mjs', 'run', '--root', project)).toContain('1 passed');
  });
});
