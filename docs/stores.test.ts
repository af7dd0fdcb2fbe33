import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeTables } from '../ui/cli/registry.ts';
import { chimera } from '../ui/cli/testing/said.ts';

const root = dirname(import.meta.dirname);
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const text = read('docs/STORES.md');

describe('docs/STORES.md', () => {
  it('shows commands that there are, with options that they have', async () => {
    const commands = [...text.matchAll(/^npx chimera (.*)$/gm)].map((m) => m[1]!.split(' '));
    expect(commands.length).toBeGreaterThan(5);
    for (const argv of commands) {
      const { code, out } = await chimera([...argv.slice(0, argv[0] === 'lake' ? 2 : 1), '--help']);
      expect([argv.join(' '), code]).toEqual([argv.join(' '), 0]);
      for (const option of argv.filter((a) => a.startsWith('--'))) expect(out).toMatch(new RegExp(`${option}[ ,\\n]`));
    }
  });
  it('names codes that exist', () => {
    const known = new Set(codeTables.flatMap((t) => Object.keys(t)));
    const named = text.match(/CHM\d{3,4}/g)!;
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((c) => !known.has(c))).toEqual([]);
  });
  it('names every variable that the stores and caches of a run are found by', () => {
    const code = read('ui/cli/remote-stores.ts') + read('ui/cli/secrets.ts') + read('ui/cli/options.ts');
    const used = new Set(code.match(/CHIMERA_(STORE|ARANGO|S3|CACHE)\w*/g));
    const bare = [...used].filter((name) => !name.endsWith('_FILE'));
    expect(bare.sort()).toEqual([...new Set(text.match(/CHIMERA_\w+/g))].sort());
  });
});
