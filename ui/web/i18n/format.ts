/** Numbers and times as people read them. Units stand behind a narrow no-break space, thousands are parted by one. */
const THIN = '\u202f';
export const NONE = '–';

/** `1,234.5` with at most `digits` decimals. */
export const number = (x: number | null | undefined, digits = 0): string =>
  x === null || x === undefined || !Number.isFinite(x)
    ? NONE
    : x.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: 0 }).replace(/^-/, '−');

/** An exact decimal as it came, grouped; never through a double. */
export function decimal(text: string | null | undefined, options: { sign?: boolean; digits?: number } = {}): string {
  if (text === null || text === undefined || text === '') return NONE;
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!m) return text;
  const whole = m[2]!.replace(/\B(?=(\d{3})+$)/g, ',');
  const cut = options.digits === undefined ? m[3] : m[3]?.slice(0, options.digits);
  const zero = !/[1-9]/.test(m[2]! + (m[3] ?? ''));
  const sign = m[1] === '-' && !zero ? '−' : options.sign && !zero ? '+' : '';
  return `${sign}${whole}${cut ? `.${cut}` : ''}`;
}
export const signOf = (text: string | null | undefined): -1 | 0 | 1 =>
  !text || !/[1-9]/.test(text) ? 0 : text.startsWith('-') ? -1 : 1;

/** Three significant figures and a scale: `940`, `1.24k`, `3.1M`. */
export function short(x: number | null | undefined): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  const a = Math.abs(x);
  if (a >= 1e9) return `${three(x / 1e9)}G`;
  if (a >= 1e6) return `${three(x / 1e6)}M`;
  if (a >= 1e3) return `${three(x / 1e3)}k`;
  return three(x);
}
function three(x: number): string {
  const a = Math.abs(x);
  if (a === 0) return '0';
  if (a >= 100) return x.toFixed(0);
  if (a >= 10) return trim(x.toFixed(1));
  if (a >= 0.01) return trim(x.toFixed(2));
  return x < 0 ? '>−0.01' : '<0.01';
}
const trim = (s: string): string => (s.includes('.') ? s.replace(/0+$/, '').replace(/\.$/, '') : s);

export const rate = (x: number | null | undefined): string => (x === null || x === undefined ? NONE : `${short(x)}/s`);

/** A length of time given in µs: `12 µs`, `3.4 ms`, `1.2 s`, `4 min`, `3 h`. */
export function duration(us: number | null | undefined): string {
  if (us === null || us === undefined || !Number.isFinite(us)) return NONE;
  const a = Math.abs(us);
  if (a === 0) return `0${THIN}µs`;
  if (a < 1e3) return `${three(us)}${THIN}µs`;
  if (a < 1e6) return `${three(us / 1e3)}${THIN}ms`;
  if (a < 120e6) return `${three(us / 1e6)}${THIN}s`;
  if (a < 7200e6) return `${three(us / 60e6)}${THIN}min`;
  if (a < 172800e6) return `${three(us / 3600e6)}${THIN}h`;
  return `${three(us / 86400e6)}${THIN}d`;
}

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return NONE;
  if (n < 1024) return `${n}${THIN}B`;
  if (n < 1024 ** 2) return `${three(n / 1024)}${THIN}KiB`;
  if (n < 1024 ** 3) return `${three(n / 1024 ** 2)}${THIN}MiB`;
  return `${three(n / 1024 ** 3)}${THIN}GiB`;
}
export const percent = (x: number | null | undefined, digits = 1): string =>
  x === null || x === undefined || !Number.isFinite(x)
    ? NONE
    : `${(x * 100).toFixed(digits)}${THIN}%`.replace(/^-/, '−');

export type Zone = 'utc' | 'local';
const pad = (n: number, w = 2): string => String(n).padStart(w, '0');

/** `14:03:27.512`; `date` puts the day in front, `us` shows microseconds. */
export function timeUs(
  us: number | null | undefined,
  zone: Zone,
  options: { date?: boolean; us?: boolean } = {},
): string {
  if (us === null || us === undefined || !Number.isFinite(us)) return NONE;
  const ms = Math.floor(us / 1000);
  const below = options.us ? pad(us - ms * 1000, 3) : '';
  return timeMs(ms, zone, { ...(options.date !== undefined ? { date: options.date } : {}), ms: true }) + below;
}
export function timeMs(
  ms: number | null | undefined,
  zone: Zone,
  options: { date?: boolean; ms?: boolean } = {},
): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const d = new Date(ms);
  const u = zone === 'utc';
  const day = u
    ? `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`
    : `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  const clock = u
    ? `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`
    : `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  const part = options.ms ? `.${pad(u ? d.getUTCMilliseconds() : d.getMilliseconds(), 3)}` : '';
  return (options.date ? `${day} ` : '') + clock + part;
}

/** Any value of a record, on one line. */
export function value(v: unknown, field?: string, zone: Zone = 'utc'): string {
  if (v === null || v === undefined) return NONE;
  if (typeof v === 'boolean') return v ? 'true' : 'false';
  if (typeof v === 'number') {
    if (field && /(^|_)(us)$/.test(field) && v > 1e14) return timeUs(v, zone, { date: true });
    if (field && /(^|_)(ms|start|end)$/.test(field) && v > 1e11 && v < 1e14)
      return timeMs(v, zone, { date: true, ms: true });
    return Number.isInteger(v) ? String(v) : String(Number(v.toPrecision(8)));
  }
  if (typeof v === 'string') return v === '' ? '""' : v;
  if (Array.isArray(v))
    return v.length > 6
      ? `[${v
          .slice(0, 6)
          .map((x) => value(x))
          .join(', ')}, … ${v.length}]`
      : `[${v.map((x) => value(x)).join(', ')}]`;
  return JSON.stringify(v);
}
