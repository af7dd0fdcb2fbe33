import { z } from 'zod';

/** Microseconds per unit of the text form. */
const UNITS = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;
type Unit = keyof typeof UNITS;

const PATTERN = /^(0|[1-9][0-9]{0,15})(us|ms|s|m|h|d)$/;
const EXPECTED = 'expected a duration such as 250ms, 5s, 1m, 4h or 1d';

/** `5s` → 5,000,000 µs. Undefined when the text is not a duration, or too long to be an exact integer of µs. */
export function parseDuration(text: string): number | undefined {
  const m = PATTERN.exec(text);
  if (!m) return undefined;
  const us = Number(m[1]) * UNITS[m[2] as Unit];
  return Number.isSafeInteger(us) ? us : undefined;
}

/** The shortest text form of an integer of µs, in the largest unit that keeps it exact: 90,000,000 → `90s`. */
export function formatDuration(us: number): string {
  if (!Number.isSafeInteger(us) || us < 0) throw new RangeError(`not a duration in µs: ${us}`);
  if (us === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const)
    if (us % UNITS[unit] === 0) return `${us / UNITS[unit]}${unit}`;
  return `${us}us`;
}

const SPELLED: Readonly<Record<string, Unit>> = {
  us: 'us',
  µs: 'us',
  μs: 'us',
  usec: 'us',
  micros: 'us',
  microsecond: 'us',
  microseconds: 'us',
  ms: 'ms',
  msec: 'ms',
  milli: 'ms',
  millis: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  s: 's',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'm',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hr: 'h',
  hrs: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
};

/** What was probably meant by a text that is not a duration (`5 sec` → `5s`, `1.5h` → `90m`, `1h30m` → `90m`); undefined when unclear. */
export function suggestDuration(text: string): string | undefined {
  let total = 0;
  let rest = text.trim();
  if (rest.length > 64) return undefined;
  if (rest === '') return undefined;
  while (rest !== '') {
    const m = /^([0-9]+(?:\.[0-9]+)?)\s*([a-zµμ]+)\s*/i.exec(rest);
    if (!m) return undefined;
    const word = m[2]!;
    const unit = SPELLED[word] ?? SPELLED[word.toLowerCase()];
    if (!unit) return undefined;
    total += Number(m[1]) * UNITS[unit];
    rest = rest.slice(m[0].length);
  }
  const us = Math.round(total);
  if (!Number.isSafeInteger(us) || Math.abs(us - total) > 1e-3) return undefined;
  return formatDuration(us);
}

export interface DurationOptions {
  /** Smallest and largest allowed value, in the text form. Without `min`, zero is allowed. */
  min?: string;
  max?: string;
}

/**
 * A zod type for durations in configuration: the text form in the document (`5s`), an integer of microseconds in the
 * parsed configuration. Defaults are given in either form: `.prefault('5s')` or `.default(5_000_000)`; both appear as
 * text in JSON Schema and in the reference pages.
 */
export function duration(options: DurationOptions = {}) {
  const min = bound(options.min);
  const max = bound(options.max);
  return z
    .string({ error: EXPECTED })
    .regex(PATTERN, { error: EXPECTED })
    .meta({ 'x-duration': true, examples: ['250ms', '5s', '1m', '1h'] })
    .transform((text, ctx): number => {
      const us = parseDuration(text);
      if (us === undefined) ctx.addIssue({ code: 'custom', message: 'must be at most 2^53 µs' });
      else if (min !== undefined && us < min)
        ctx.addIssue({ code: 'custom', message: `must be at least ${options.min}` });
      else if (max !== undefined && us > max)
        ctx.addIssue({ code: 'custom', message: `must be at most ${options.max}` });
      return us ?? z.NEVER;
    });
}

function bound(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const us = parseDuration(text);
  if (us === undefined) throw new RangeError(`not a duration: ${text}`);
  return us;
}
