import { Document, isMap, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import type { DeadLetter } from '../../../../graph/bus/redis/dead-letters.ts';
import type { Digits, LetterRow } from './decode-letter.ts';

export interface TestOptions {
  readonly digits: Digits;
  readonly sets: Readonly<Record<string, string>>;
  readonly profile: string | undefined;
}

/**
 * A pipeline test that gives the graph the records of a dead letter, at the times that they had. It expects that they are delivered;
 * what should follow from them is for who writes the test to say.
 */
export function testText(letter: DeadLetter, rows: readonly LetterRow[], options: TestOptions): string {
  const start = rows[0]?.t ?? 0;
  const used = new Set(rows.map((r) => r.key));
  const instruments = options.digits.filter((d) => used.has(d.name));
  const counts = new Map<string, number>();
  for (const r of rows) counts.set(`${r.node}.${r.port}`, (counts.get(`${r.node}.${r.port}`) ?? 0) + 1);
  const document = new Document({
    chimera: 1,
    tests: [
      {
        name: `entry ${letter.entry} of ${letter.stream}, put aside by ${letter.group} (${letter.reason})`,
        ...(letter.error === '' ? {} : { doc: letter.error }),
        ...(Object.keys(options.sets).length > 0 ? { sets: options.sets } : {}),
        ...(options.profile === undefined ? {} : { profile: options.profile }),
        start,
        ...(instruments.length > 0
          ? {
              instruments: Object.fromEntries(
                instruments.map((d) => [d.name, { px_digits: d.pxDigits, qty_digits: d.qtyDigits }]),
              ),
            }
          : {}),
        given: rows.map((r) => ({
          at: `${r.t - start}us`,
          node: r.node,
          port: r.port,
          ...(r.key === null ? {} : { key: r.key }),
          values: r.values,
        })),
        expect: Object.fromEntries([...counts].map(([port, count]) => [port, { count }])),
      },
    ],
  });
  const given = document.getIn(['tests', 0, 'given']) as YAMLSeq;
  for (const event of given.items) if (isMap(event)) event.flow = true;
  for (const path of ['instruments', 'expect', 'sets']) {
    const map = document.getIn(['tests', 0, path]) as YAMLMap | undefined;
    for (const { value } of map?.items ?? []) if (isMap(value) || isSeq(value)) value.flow = true;
  }
  return document.toString({ lineWidth: 120 });
}
