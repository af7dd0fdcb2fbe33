import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { csvText } from '../../graph/tap/format.ts';
import { cells, compareTaps } from './compare-taps.ts';

const HEAD = 'source,seq,t_avail_us,key,value,note';
describe('comparing the taps of two runs', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'chimera-compare-'));
    for (const side of ['live', 'replay']) mkdirSync(join(dir, side));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const write = (side: string, port: string, ...rows: string[]) =>
    writeFileSync(join(dir, side, `${port}.csv`), [HEAD, ...rows, ''].join('\n'));
  const compare = (...ports: string[]) => compareTaps(join(dir, 'live'), join(dir, 'replay'), ports);

  it('finds nothing when all bytes are the same, or a port has no file in either', async () => {
    for (const side of ['live', 'replay']) write(side, 'a.x', 'src,0,10,usdm:A,1,n');
    expect(await compare('a.x', 'b.y')).toBeNull();
  });
  it('names node, port, input, field and both values', async () => {
    write('live', 'a.x', 'src,0,10,usdm:A,1,n', 'src,1,20,usdm:B,2.5,n', 'src,2,30,usdm:A,3,n');
    write('replay', 'a.x', 'src,0,10,usdm:A,1,n', 'src,1,20,usdm:B,2.25,n', 'src,2,30,usdm:A,3,m');
    expect(await compare('a.x')).toEqual({
      node: 'a',
      port: 'x',
      source: 'src',
      seq: 1,
      t_avail_us: 20,
      key: 'usdm:B',
      field: 'value',
      live: '2.5',
      replay: '2.25',
    });
  });
  it('tells −0 from 0 and no value from zero', async () => {
    for (const [live, replay] of [
      ['0', '-0'],
      ['', '0'],
    ] as const) {
      write('live', 'a.x', `src,0,10,,${live},n`);
      write('replay', 'a.x', `src,0,10,,${replay},n`);
      expect(await compare('a.x')).toMatchObject({ field: 'value', live, replay });
    }
  });
  it('takes the earliest difference, and at one time the node that runs first', async () => {
    write('live', 'late.x', 'src,0,10,,1,n', 'src,3,40,,1,n');
    write('replay', 'late.x', 'src,0,10,,1,n', 'src,3,40,,2,n');
    write('live', 'down.x', 'src,1,20,,1,n');
    write('replay', 'down.x', 'src,1,20,,2,n');
    write('live', 'up.x', 'src,1,20,,1,n');
    write('replay', 'up.x', 'src,1,20,,2,n');
    expect(await compare('late.x', 'up.x', 'down.x')).toMatchObject({ node: 'up', seq: 1, field: 'value' });
    expect(await compare('late.x', 'down.x', 'up.x')).toMatchObject({ node: 'down' });
  });
  it('reports a row that one run has more, in the middle, at the end, or as a whole file', async () => {
    const rows = ['src,0,10,,1,n', 'src,1,20,,2,n', 'src,2,30,,3,n'];
    write('live', 'a.x', ...rows);
    write('replay', 'a.x', ...rows.slice(0, 2));
    expect(await compare('a.x')).toMatchObject({ seq: 2, field: 'row', live: 'src,2,30,,3,n', replay: null });
    write('replay', 'a.x', rows[0]!, rows[2]!);
    // The row that is missing comes first; what stands in its place came with another input.
    expect(await compare('a.x')).toMatchObject({ seq: 1, t_avail_us: 20, field: 'seq', live: '1', replay: '2' });
    write('live', 'b.x', 'src,0,5,,1,n');
    expect(await compare('a.x', 'b.x')).toMatchObject({ node: 'b', seq: 0, field: 'row', replay: null });
    rmSync(join(dir, 'live', 'a.x.csv'));
    expect(await compare('a.x')).toMatchObject({ live: null, field: 'row', seq: 0 });
  });
  it('reads cells back as they were written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 8 }), { minLength: 2, maxLength: 6 }), (texts) => {
        expect(cells(texts.map(csvText).join(','))).toEqual(texts);
      }),
    );
  });
});
