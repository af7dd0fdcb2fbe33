import { parseDuration, suggestDuration } from './duration.ts';
import type { Report } from './report.ts';
import { describe, type Span, type Tree } from './tree.ts';

/** Engine time of offset 0 of a test that states none: 2024-01-01T00:00:00Z, µs. */
export const START_US = Date.UTC(2024, 0, 1) * 1000;

const ISO = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2})$/;

/** `2024-07-18T00:00:00.000001Z` → µs since the epoch; undefined when it is not such a time. */
export function parseIso(text: string): number | undefined {
  const m = ISO.exec(text);
  if (!m) return undefined;
  const [, y, mo, d, h, mi, s, fraction = '', zone] = m;
  const ms = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  // Dates that do not exist (30 February, 25:00) roll over in Date.UTC.
  if (new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)) return undefined;
  const offset =
    zone === 'Z' ? 0 : (zone!.startsWith('-') ? -1 : 1) * (Number(zone!.slice(1, 3)) * 60 + Number(zone!.slice(4, 6)));
  return (ms - offset * 60_000) * 1000 + Number(fraction.padEnd(6, '0'));
}

/** A time of a test in µs: an offset from `startUs` (when there is one), an ISO time, or µs since the epoch. CHM154 otherwise. */
export function readTime(
  tree: Tree,
  span: Span,
  name: string,
  startUs: number | undefined,
  report: Report,
): number | undefined {
  const value = tree.kind === 'scalar' ? tree.value : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1e14) return value;
  if (typeof value === 'string') {
    const iso = parseIso(value);
    if (iso !== undefined) return iso;
    const offset = startUs === undefined ? undefined : parseDuration(value);
    if (offset !== undefined) return startUs! + offset;
  }
  report.add('CHM154', span, `\`${name}\` must be a time, not ${describe(tree)}`, {
    suggestion:
      typeof value === 'string' && startUs !== undefined
        ? suggestDuration(value)
        : value === 0 && startUs !== undefined
          ? '0s'
          : undefined,
    help: `${startUs === undefined ? '' : 'an offset from the start of the test (`1500ms`), '}an ISO time (\`2024-07-18T00:00:00Z\`) or microseconds since the epoch`,
  });
  return undefined;
}
