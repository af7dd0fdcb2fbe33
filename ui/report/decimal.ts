/** Decimals of money: 10⁻⁸ USDT. */
export const MONEY_SCALE = 100_000_000;

/** Exact decimal text (plain notation, at most `digits` decimals) as an integer of 10^-digits. Throws on anything else. */
export function parseDecimal(text: string, digits: number): bigint {
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!m) throw new RangeError(`not a plain decimal: ${JSON.stringify(text)}`);
  const fraction = m[3] ?? '';
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > digits) throw new RangeError(`${text} has more than ${digits} decimals`);
  const n = BigInt(m[2]! + kept.padEnd(digits, '0'));
  return m[1] ? -n : n;
}

/** Integer of 10^-digits as an exact decimal text without trailing zeros. */
export function decimalText(n: bigint, digits: number): string {
  const negative = n < 0n;
  const s = (negative ? -n : n).toString().padStart(digits + 1, '0');
  const whole = s.slice(0, s.length - digits);
  const fraction = s.slice(s.length - digits).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}

/** Money (integer of 10⁻⁸ held as a double) as an exact decimal text. */
export const moneyText = (money: number): string => decimalText(BigInt(money), 8);

/** A number for people: grouped thousands, fixed decimals, a true minus sign. Not locale dependent. */
export function grouped(x: number, decimals: number): string {
  const s = Math.abs(x).toFixed(decimals);
  const dot = s.indexOf('.');
  const whole = dot < 0 ? s : s.slice(0, dot);
  const sign = x < 0 && Number(s) !== 0 ? '−' : '';
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ',') + (dot < 0 ? '' : s.slice(dot));
}

/** Money in USDT for people, two decimals (more when the amount is under a cent). */
export function usdt(money: number): string {
  const x = money / MONEY_SCALE;
  return grouped(x, x !== 0 && Math.abs(x) < 0.01 ? 6 : 2);
}
export const signed = (text: string): string =>
  text.startsWith('−') || /^0(\.0+)?( %)?$/.test(text) ? text : `+${text}`;
export const percent = (x: number, decimals = 2): string => `${grouped(x * 100, decimals)} %`;

/** `2024-08-08 23:54:15` in UTC. */
export const utc = (us: number): string => new Date(Math.floor(us / 1000)).toISOString().slice(0, 19).replace('T', ' ');

/** `3 d 4 h`, `5 min 44 s`, `0.8 s`. */
export function duration(us: number): string {
  const s = us / 1e6;
  if (s < 10) return `${Number(s.toPrecision(2))} s`;
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), 'd'],
    [Math.floor(s / 3600) % 24, 'h'],
    [Math.floor(s / 60) % 60, 'min'],
    [Math.floor(s) % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, u]) => `${n} ${u}`)
    .join(' ');
}
