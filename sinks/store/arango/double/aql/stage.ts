import type { Frame } from './scope.ts';
import { compare, type Value } from './values.ts';

/**
 * One operation of a query at work. Rows are pushed through a chain of them; `false` means that no more rows are wanted.
 * `end` comes once, after the last row.
 */
export interface Stage {
  push(f: Frame): boolean;
  end(): void;
}
/** Makes a stage for one run of a query: subqueries run many times. */
export type MakeStage = (next: Stage) => Stage;

/** Each row becomes none, one or several. */
export const each =
  (work: (f: Frame, next: Stage) => boolean): MakeStage =>
  (next) => ({ push: (f) => work(f, next), end: () => next.end() });

export const sort =
  (by: readonly { readonly value: (f: Frame) => Value; readonly sign: number }[]): MakeStage =>
  (next) => {
    const rows: { f: Frame; keys: Value[] }[] = [];
    return {
      push: (f) => {
        rows.push({ f: f.slice(), keys: by.map((b) => b.value(f)) });
        return true;
      },
      end: () => {
        rows.sort((a, b) => {
          for (let i = 0; i < by.length; i++) {
            const c = compare(a.keys[i]!, b.keys[i]!);
            if (c !== 0) return c * by[i]!.sign;
          }
          return 0;
        });
        for (const { f } of rows) if (!next.push(f)) break;
        next.end();
      },
    };
  };

export const limit =
  (offset: number, count: number): MakeStage =>
  (next) => {
    let seen = 0;
    return {
      push: (f) => {
        if (count === 0) return false;
        seen++;
        if (seen <= offset) return true;
        return next.push(f) && seen < offset + count;
      },
      end: () => next.end(),
    };
  };
