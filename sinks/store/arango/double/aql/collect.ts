import { refuse } from '../arango-error.ts';
import type { Expression, Statement } from './ast.ts';
import type { Evaluate } from './compile-expression.ts';
import { AGGREGATES } from './functions.ts';
import type { Frame, Scope } from './scope.ts';
import type { MakeStage } from './stage.ts';
import { compare, keyOf, type Value } from './values.ts';

type Collect = Extract<Statement, { type: 'collect' }>;
interface Group {
  readonly f: Frame;
  readonly keys: Value[];
  readonly values: Value[][];
  readonly into: Value[];
  count: number;
}

/** Groups rows; they come out in order of their keys, as the server gives them unless told otherwise. */
export function compileCollect(c: Collect, scope: Scope, compiled: (e: Expression) => Evaluate): MakeStage {
  const keys = c.groups.map((g) => compiled(g.value));
  const aggregates = c.aggregates.map((a) => {
    const run = Object.hasOwn(AGGREGATES, a.name) ? AGGREGATES[a.name] : undefined;
    if (!run) throw refuse('functionUnknown', `AQL: ${a.name} is no aggregate function`);
    return { value: compiled(a.value), run };
  });
  const before = scope.variables().filter(([name]) => name !== 'OLD' && name !== 'NEW');
  for (const name of c.keep ?? [])
    if (!before.some(([known]) => known === name)) throw refuse('variableUnknown', `AQL: unknown variable '${name}'`);
  const kept = before.filter(([name]) => c.keep === null || c.keep.includes(name));
  const intoValue: Evaluate | null = !c.into
    ? null
    : c.into.value
      ? compiled(c.into.value)
      : (f) => Object.fromEntries(kept.map(([name, slot]) => [name, f[slot] ?? null]));
  scope.forget();
  const keySlots = c.groups.map((g) => scope.declare(g.variable));
  const aggregateSlots = c.aggregates.map((a) => scope.declare(a.variable));
  const intoSlot = c.into ? scope.declare(c.into.variable) : -1;
  const countSlot = c.count === null ? -1 : scope.declare(c.count);

  return (next) => {
    const groups = new Map<string, Group>();
    const groupOf = (f: Frame, values: Value[]): Group => {
      const name = keyOf(values);
      let group = groups.get(name);
      if (!group) {
        group = { f: f.slice(), keys: values, values: aggregates.map(() => []), into: [], count: 0 };
        groups.set(name, group);
      }
      return group;
    };
    // Without keys there is one group, also of no rows.
    if (keys.length === 0) groupOf([], []);
    return {
      push: (f) => {
        const group = groupOf(
          f,
          keys.map((k) => k(f)),
        );
        group.count++;
        for (const [i, a] of aggregates.entries()) group.values[i]!.push(a.value(f));
        if (intoValue) group.into.push(intoValue(f));
        return true;
      },
      end: () => {
        for (const group of [...groups.values()].sort((a, b) => compare(a.keys, b.keys))) {
          const { f } = group;
          for (const [i, slot] of keySlots.entries()) f[slot] = group.keys[i]!;
          for (const [i, slot] of aggregateSlots.entries()) f[slot] = aggregates[i]!.run(group.values[i]!);
          if (intoSlot >= 0) f[intoSlot] = group.into;
          if (countSlot >= 0) f[countSlot] = group.count;
          if (!next.push(f)) break;
        }
        next.end();
      },
    };
  };
}
