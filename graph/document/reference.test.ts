import { describe, expect, it } from 'vitest';
import { GRAPH_CODES, SUPPRESSIBLE, WARNINGS } from '../codes.ts';
import { errorsPage, referencePages } from './reference.ts';
import { testingRegistry } from './testing-registry.ts';

describe('the reference pages', () => {
  const pages = referencePages(testingRegistry);

  it('are one page per room, an index and the records', () => {
    expect([...pages.keys()].sort()).toEqual(
      [
        'bronze',
        'decision',
        'feature',
        'flow',
        'index',
        'label',
        'records',
        'risk',
        'routing',
        'silver',
        'sink',
        'source',
        'venue',
      ]
        .map((r) => `${r}.md`)
        .sort(),
    );
  });
  it('show a type with its formula, options with defaults and ranges, ports with fields, warm-up and determinism', () => {
    const silver = pages.get('silver.md')!;
    const bars = silver.slice(silver.indexOf('## silver.time_bars'));
    for (const text of [
      'Bars of a fixed width.',
      'floor(T / width)',
      'step · silver · pure · version 2',
      '| `width` | duration |  | **needed** | length of a bar |',
      '| `grace` | duration |  | `1500ms` | how long a closed bar waits for late trades |',
      "| `trade` | [trade](records.md#trade) | the instance's own | yes |",
      '| `bar` | [bar](records.md#bar) | at most one | `start`, `end`, `open`, `high`, `low`, `close`,',
    ])
      expect(bars).toContain(text);
    const feature = pages.get('feature.md')!;
    expect(feature).toContain('Reference: R. G. Brown, 1963');
    expect(feature).toContain('| `period` | whole number | at least 1, at most 100000 | `20` | values |');
    expect(feature).toContain(
      "| `x` | [scalar](records.md#scalar) | the instance's own | yes | 1 | what is averaged |",
    );
    expect(pages.get('label.md')).toContain('known only later: a label');
    expect(pages.get('decision.md')).toContain('| `rules[].action` | one of intent, skip_entry, size_mult |');
    expect(pages.get('decision.md')).toContain('| `exit(kind: time).after` | duration |');
    expect(pages.get('risk.md')).toContain('| `limits.max_loss_usdt` | number | at least 0 | **needed** |');
    expect(pages.get('records.md')).toContain('| `side` | buy \\| sell |');
  });
  it('have links that lead to a heading, and tables whose rows have the columns of their head', () => {
    const anchors = (page: string) =>
      new Set([...page.matchAll(/^#+ (.*)$/gm)].map((m) => m[1]!.toLowerCase().replace(/[^a-z0-9_-]/g, '')));
    for (const [path, page] of pages) {
      for (const m of page.matchAll(/\]\(([\w.]*)#([\w-]+)\)/g)) {
        const target = pages.get(m[1] === '' ? path : m[1]!);
        expect(target && anchors(target).has(m[2]!), `${path}: ${m[0]}`).toBe(true);
      }
      let columns = 0;
      for (const line of page.split('\n')) {
        const cells = line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 0;
        if (cells > 0 && columns > 0) expect(cells, line).toBe(columns);
        columns = cells;
      }
    }
  });
  it('are the same each time', () => {
    expect(referencePages(testingRegistry)).toEqual(pages);
  });
});

describe('the page of errors', () => {
  it('has one paragraph for each code, in order, under the room of its range', () => {
    const page = errorsPage([{ CHM703: { title: 'later', text: 'An engine code.' } }, GRAPH_CODES]);
    const codes = [...page.matchAll(/^### (CHM\d{3,4})/gm)].map((m) => m[1]);
    expect(codes).toEqual([...Object.keys(GRAPH_CODES), 'CHM703'].sort());
    expect(page.indexOf('## Wiring')).toBeLessThan(page.indexOf('### CHM201'));
    expect(page).toContain('### CHM703: later\n\nAn engine code.');
  });
  it('refuses a code that two tables document', () => {
    expect(() => errorsPage([GRAPH_CODES, { CHM201: { title: 'x', text: 'y' } }])).toThrow('CHM201');
  });
  it('says of each warning that it is one, and of each error whether it can be suppressed', () => {
    for (const [code, { title, text }] of Object.entries(GRAPH_CODES)) {
      expect(title.endsWith('(warning)'), code).toBe(WARNINGS.has(code));
      expect(/This error can be suppressed/.test(text), code).toBe(SUPPRESSIBLE.has(code));
    }
  });
});
