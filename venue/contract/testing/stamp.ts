import { equal, ok } from 'node:assert/strict';

const YEAR_2009 = Date.UTC(2009, 0, 1);
const YEAR_2038 = Date.UTC(2038, 0, 1);

/** A time in ms that can be one of an exchange: whole, not before exchanges were, not in the future. A simulated past is fine. */
export function isStamp(ms: unknown): asserts ms is number {
  ok(Number.isInteger(ms), `${String(ms)} is not a whole number of ms`);
  const t = ms as number;
  ok(t > YEAR_2009 && t < YEAR_2038, `${t} is no time of an exchange`);
  ok(t < Date.now() + 60_000, `${new Date(t).toISOString()} is in the future`);
}

/** Time as number and as text, which say the same. */
export function isDated(v: { timestamp?: number | undefined; datetime?: string | undefined }): void {
  isStamp(v.timestamp);
  equal(v.datetime, new Date(v.timestamp).toISOString());
}

export function isPositive(v: unknown, name: string): asserts v is number {
  ok(typeof v === 'number' && Number.isFinite(v) && v > 0, `${name} is ${String(v)}, not above zero`);
}
export function isNumber(v: unknown, name: string): asserts v is number {
  ok(typeof v === 'number' && Number.isFinite(v), `${name} is ${String(v)}, no number`);
}
/** Equal but for what the sums of doubles leave. */
export function isNear(a: number | undefined, b: number, name: string, tolerance = 1e-9): void {
  isNumber(a, name);
  ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${name} is ${a}, expected ${b}`);
}
/** A multiple of a step: ticks and lots. */
export function isMultiple(v: number, step: number, name: string): void {
  const n = v / step;
  ok(Math.abs(n - Math.round(n)) < 1e-6, `${name} ${v} is not a multiple of ${step}`);
}
