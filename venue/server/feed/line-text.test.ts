import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineText } from './line-text.ts';
import { TextStore } from './text-store.ts';

function find(text: string): { kind: string; stream: string; data: string } {
  const line = new LineText();
  const buf = Buffer.from(`xx${text}\nyy`);
  line.find(buf, 2, buf.length - 3);
  return {
    kind: line.kind,
    stream: line.stream,
    data: line.kind === 'none' ? '' : buf.toString('utf8', line.start, line.end),
  };
}

describe('the frame on a recorder line', () => {
  it('is cut out byte for byte, whatever it holds', () => {
    const time = fc.constantFrom('1723161255030314667 ', '1633998512.0633569: ', '');
    const space = fc.constantFrom('', ' ', '\t');
    fc.assert(
      fc.property(time, fc.object(), space, fc.boolean(), fc.string(), (t, value, gap, first, name) => {
        const data = JSON.stringify({ ...value, e: 'x' });
        const stream = JSON.stringify(`s${name.replaceAll(/[\\"\p{C}]/gu, '')}@trade`);
        const members = first
          ? `"stream"${gap}:${gap}${stream},${gap}"data":${gap}${data}`
          : `"data":${data},"stream":${stream}`;
        expect(find(`${t}{${gap}${members}${gap}}`)).toEqual({ kind: 'object', stream: JSON.parse(stream), data });
        expect(find(t + data)).toEqual({ kind: 'object', stream: '', data });
      }),
      { numRuns: 300 },
    );
  });
  it('may be an array, or not be there', () => {
    expect(find('12 {"stream":"!markPrice@arr","data":[{"e":"a"}]}')).toMatchObject({
      kind: 'array',
      data: '[{"e":"a"}]',
    });
    for (const text of [
      '',
      '123',
      'https://x/depth?symbol=A -> 1633998512.320639: {"lastUpdateId":1}',
      '1,2,3',
      '12 {"stream":"a"',
      '12 {"stream":"a","data":{"b":1}',
    ])
      expect(find(text).kind).toBe('none');
  });
});

describe('the text of a recording', () => {
  it('comes back line by line, from memory as from a temporary file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'feed-text-'));
    try {
      const lines = Array.from(
        { length: 5000 },
        (_, i) => `${1e15 + i} {"stream":"a@trade","data":{"e":"trade","t":${i},"x":"${'y'.repeat(i % 900)}"}}`,
      );
      lines[17] = '';
      lines[40] = 'z'.repeat(2_500_000);
      const text = lines.join('\n');
      writeFileSync(join(dir, 'plain'), text);
      writeFileSync(join(dir, 'packed'), gzipSync(`${text}\n`));
      for (const [name, memory] of [
        ['plain', 1e9],
        ['packed', 1e9],
        ['plain', 1000],
        ['packed', 1_000_000],
      ] as const) {
        const s = await TextStore.load(join(dir, name), memory);
        expect([...s.streams]).toEqual(['a@trade']);
        let same = 0;
        while (s.next()) if (s.buf.toString('utf8', s.start, s.end) === lines[s.line - 1]) same++;
        expect([same, s.line]).toEqual([lines.length, lines.length]);
        s.close();
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
