import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isScalar, parseDocument, visit } from 'yaml';
import { loadPipeline } from './load.ts';
import { testingRegistry } from './testing-registry.ts';

const text = readFileSync(new URL('./corpus/valid/whole.yaml', import.meta.url), 'utf8');

/** Every word of the document with its place and the path of keys that leads to it. */
function words(): { word: string; start: number; path: string; key: boolean }[] {
  const found: ReturnType<typeof words> = [];
  visit(parseDocument(text), {
    Scalar(key, node, path) {
      if (typeof node.value !== 'string' || !/^[a-z_.$0-9]{4,}$/.test(node.value)) return;
      const keys = path.flatMap((p) => ('key' in p && isScalar(p.key) ? [String(p.key.value)] : []));
      found.push({ word: node.value, start: node.range![0], path: keys.join('/'), key: key === 'key' });
    },
  });
  return found;
}

/** Names that the document itself chooses: a typo in one shows where it is used, or nowhere. */
const OWN =
  /^(pipeline|doc|params\/\w+|presets\/\w+|nodes\/\w+|services\/\w+|streams\/[\w:]+|nodes\/(decide|joined|rows)\/in\/\w+|.*\/(name|file|weights\/\w+))$/;

describe('one typo', () => {
  it('in any word that has a meaning is one error, at its place, with the right word as the suggestion', () => {
    let checked = 0;
    for (const { word, start, path, key } of words()) {
      if (OWN.test(path) && (key || !/^(services|streams)\//.test(path))) continue;
      const middle = word.length >> 1;
      const typo = `${text.slice(0, start + middle)}q${text.slice(start + middle + 1)}`;
      const { diagnostics } = loadPipeline(typo, 'p.yaml', testingRegistry);
      const line = text.slice(0, start).split('\n').length;
      const column = start - text.lastIndexOf('\n', start - 1);
      const errors = diagnostics.filter((d) => d.severity === 'error');
      expect(errors, `${path}: ${word}`).toMatchObject([
        { line, column, end_column: column + word.length, ...(/^\d/.test(word) ? {} : { suggestion: word }) },
      ]);
      checked++;
    }
    expect(checked).toBeGreaterThan(130);
  });
});
