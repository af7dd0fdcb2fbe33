import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { codeTables } from '../ui/cli/registry.ts';
import { parses } from '../ui/cli/testing/parses.ts';
import { chimera } from '../ui/cli/testing/said.ts';
import { BUS_STATES, partMetrics } from '../ui/metrics/part-metrics.ts';

const root = dirname(import.meta.dirname);
const text = readFileSync(join(root, 'docs/OPERATIONS.md'), 'utf8');
/** `npx chimera` lines of the blocks of one language: `sh` is run, `console` needs servers and is parsed. */
const commands = (language: string): string[][] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((m) => m[1] === language)
    .flatMap((m) => m[2]!.split('\n'))
    .filter((l) => l.startsWith('npx chimera '))
    .map((l) => l.slice('npx chimera '.length).split(' '));

describe('docs/OPERATIONS.md', () => {
  it('shows commands that work, where they need nothing', async () => {
    expect(commands('sh').length).toBeGreaterThan(1);
    for (const argv of commands('sh')) {
      const { code, out } = await chimera(argv);
      // A doctor in a checkout that is not built says so.
      if (argv[0] !== 'doctor') expect([argv.join(' '), code]).toEqual([argv.join(' '), 0]);
      expect(out).not.toBe('');
    }
  });
  it('shows commands that the program understands, where they need servers', async () => {
    expect(commands('console').length).toBeGreaterThan(7);
    for (const argv of commands('console'))
      expect([argv.join(' '), await parses(argv)]).toEqual([argv.join(' '), undefined]);
  });
  it('names codes that exist, and each state that the bus can be in', () => {
    const known = new Set(codeTables.flatMap((t) => Object.keys(t)));
    const named = new Set(text.match(/CHM\d{3,4}/g));
    expect([...named].filter((c) => !known.has(c))).toEqual([]);
    expect(BUS_STATES.filter((c) => c !== 'ok' && !named.has(c))).toEqual([]);
  });
  it('names every metric, and no other', async () => {
    const served = (await partMetrics([])).getMetricsAsArray().map((m) => m.name);
    // Of the page, which has metrics of its own.
    const named = new Set(text.match(/chimera_(?!page_)[a-z_]+/g));
    expect([...named].sort()).toEqual(served.sort());
  });
  it('names every alert, and no other', () => {
    const { groups } = parse(readFileSync(join(root, 'deploy/prometheus/alerts.yaml'), 'utf8')) as {
      groups: { rules: { alert: string }[] }[];
    };
    const rules = groups.flatMap((g) => g.rules.map((r) => r.alert));
    expect([...new Set(text.match(/\bChimera[A-Z]\w+/g))].sort()).toEqual(rules.sort());
  });
  it('names files that exist', () => {
    const named = [...text.matchAll(/`((?:deploy|pipelines)\/[\w./-]+)`/g)].map((m) => m[1]!);
    const made = named.filter((f) => f.startsWith('deploy/secrets/'));
    expect(named.length - made.length).toBeGreaterThan(3);
    for (const f of named) if (!made.includes(f)) expect([f, existsSync(join(root, f))]).toEqual([f, true]);
    for (const [, to] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(existsSync(join(root, 'docs', to!))).toBe(true);
  });
});
