import type { Row } from '../../operators/decision/cel/compile.ts';
import { type Expr, sourceOf } from '../../operators/decision/cel/expression.ts';
import { evaluate, numericLeaves } from './evaluate.ts';

/** The change of one constant or operand of an expression that turns something round. */
export interface Flip {
  /** The constant as it is written, or the name of the operand. */
  readonly what: string;
  readonly kind: 'constant' | 'operand';
  readonly from: number;
  readonly to: number;
  /** Of a constant: where it stands in the text of the condition, [start, end). */
  readonly at: readonly [number, number] | null;
}

/** A flip with the leaf that it changes, and how large the change is against the value. */
export interface FoundFlip extends Flip {
  readonly leaf: Expr;
  readonly size: number;
}

/**
 * The smallest change, of a constant if any does it, else of an operand, under which the expression has the other truth value. What
 * is found was tried out: a change that is answered does turn it round.
 */
export function flipOf(text: string, e: Expr, f: Row, p: Row): Flip | null {
  const leaves = numericLeaves(e, f, p);
  for (const constant of [true, false]) {
    const best = leaves
      .filter((l) => (l.op !== 'variable') === constant)
      .flatMap((l) => flipBy(text, e, f, p, l) ?? [])
      .sort((a, b) => a.size - b.size)[0];
    if (best) {
      const { leaf: _, size: _size, ...flip } = best;
      return flip;
    }
  }
  return null;
}

/** The change of one leaf that turns the expression round, if one does. */
export function flipBy(text: string, e: Expr, f: Row, p: Row, leaf: Expr): FoundFlip | undefined {
  const now = Boolean(evaluate(e, f, p));
  const from = evaluate(leaf, f, p) as number;
  const other = (to: number): boolean => Number.isFinite(to) && Boolean(evaluate(e, f, p, { leaf, to })) !== now;
  const exact = nearestFlip(e, f, p, leaf, from, other);
  if (exact === undefined) return undefined;
  const to = rounded(from, exact, other);
  const literal = leaf.op !== 'variable';
  return {
    what: sourceOf(text, leaf),
    kind: literal ? 'constant' : 'operand',
    from,
    to,
    at: literal ? [leaf.start, leaf.end] : null,
    leaf,
    size: Math.abs(to - from) / Math.max(Math.abs(from), 1e-9),
  };
}

/** Steps from the smallest that matters to the largest number that anyone writes. */
const STEPS = 110;

/** The value nearest to `from` for which `other` holds, as far as doubling steps and halving between them find it. */
function nearestFlip(
  e: Expr,
  f: Row,
  p: Row,
  leaf: Expr,
  from: number,
  other: (to: number) => boolean,
): number | undefined {
  const first = Math.max(Math.abs(from), 1e-6) * 2 ** -46;
  const seen: number[] = [];
  for (const sign of [1, -1]) {
    let inside = from;
    let step = first;
    for (let i = 0; i < STEPS; i++, step *= 2) {
      const x = from + sign * step;
      if (other(x)) {
        seen.push(halved(inside, x, other));
        break;
      }
      inside = x;
    }
  }
  // Equality is met at one point, which no step hits: where the two sides, taken as straight lines, cross.
  for (const x of crossings(e, f, p, leaf, from)) if (other(x)) seen.push(x);
  return seen.sort((a, b) => Math.abs(a - from) - Math.abs(b - from))[0];
}
function halved(inside: number, outside: number, other: (to: number) => boolean): number {
  let a = inside;
  let b = outside;
  for (let i = 0; i < 80; i++) {
    const m = a + (b - a) / 2;
    if (m === a || m === b) break;
    if (other(m)) b = m;
    else a = m;
  }
  return b;
}
function crossings(e: Expr, f: Row, p: Row, leaf: Expr, from: number): number[] {
  const out: number[] = [];
  const walk = (x: Expr): void => {
    if (x.op === 'literal' || x.op === 'variable') return;
    if (x.op === 'in') for (const v of x.list) if (typeof v === 'number') out.push(v);
    if (x.op === '==' || x.op === '!=') {
      const gap = (to: number) =>
        (evaluate(x.args[0], f, p, { leaf, to }) as number) - (evaluate(x.args[1], f, p, { leaf, to }) as number);
      const h = Math.max(Math.abs(from), 1) / 1024;
      const slope = (gap(from + h) - gap(from)) / h;
      const root = from - gap(from) / slope;
      if (Number.isFinite(root)) out.push(root, Math.round(root), Number(root.toPrecision(12)));
    }
    for (const a of x.args) walk(a);
  };
  walk(e);
  return out;
}

/** A number with as few digits as do it, beyond the exact one: 80.01 rather than 80.00000000000003. */
function rounded(from: number, exact: number, other: (to: number) => boolean): number {
  const away = exact >= from ? Math.ceil : Math.floor;
  const room = Math.max(Math.abs(exact - from) * 0.02, Math.abs(exact) * 1e-4);
  for (let digits = 0; digits <= 12; digits++) {
    const scale = 10 ** digits;
    const nice = away(exact * scale) / scale;
    if (Math.abs(nice - exact) <= room && other(nice)) return nice;
  }
  return exact;
}
