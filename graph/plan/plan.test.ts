import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, burst, collect, echo, exchange, latch, loop, shared, source, sumAll } from '../engine/testing-nodes.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { createPlan, type Plan, type Program } from './plan.ts';

const planOf = (...nodes: BuildNode[]): Plan => createPlan(buildPipeline(nodes));
const at = (plan: Plan, id: string) => plan.nodes.find((n) => n.id === id)!;
const steps = (plan: Plan, p: Program) => p.steps.map((s) => `${plan.nodes[s.node]!.id}:${s.mode}`);
const emission = (plan: Plan, id: string, port: string, deferred = false) => {
  const n = at(plan, id);
  return plan.emission(
    n.index,
    n.outs.findIndex((o) => o.port === port),
    deferred,
  );
};
const src: BuildNode = { id: 'src', type: source };

describe('the order of execution', () => {
  it('is the longest path from a source, then the declaration', () => {
    const plan = planOf(
      { id: 'd', type: add, in: { a: 'c.value', b: 'src.x' } },
      { id: 'b', type: add, in: { a: 'src.x' } },
      { id: 'c', type: add, in: { a: 'b.value', b: 'a.value' } },
      { id: 'a', type: add, in: { a: 'src.x' } },
      src,
    );
    expect(plan.nodes.map((n) => [n.id, n.rank])).toEqual([
      ['src', 0],
      ['b', 1],
      ['a', 1],
      ['c', 2],
      ['d', 3],
    ]);
    expect(plan.nodes.map((n) => n.index)).toEqual([0, 1, 2, 3, 4]);
    expect(plan.nodes.map((n) => n.declaration)).toEqual([4, 1, 3, 2, 0]);
  });

  it('leaves feedback edges out of the rank and delivers them in a later cycle', () => {
    const plan = planOf(
      src,
      { id: 'ask', type: loop, in: { a: 'src.x', back: 'answer.back' } },
      { id: 'answer', type: echo, in: { go: 'ask.go' }, feedback: ['back'] },
      { id: 'after', type: collect, in: { list: 'answer.back' } },
    );
    expect(plan.nodes.map((n) => [n.id, n.rank])).toEqual([
      ['src', 0],
      // Its only input is feedback, so nothing has to come before it.
      ['after', 0],
      ['ask', 1],
      ['answer', 2],
    ]);
    const input = emission(plan, 'src', 'x');
    expect(steps(plan, input)).toEqual(['ask:one', 'answer:one']);
    expect(input.feedback).toEqual([{ node: at(plan, 'answer').index, out: 0, all: false }]);
    expect(steps(plan, emission(plan, 'answer', 'back', true))).toEqual(['after:one', 'ask:one', 'answer:one']);
  });

  it('refuses a loop without feedback and names its nodes', () => {
    expect(() =>
      planOf(
        src,
        { id: 'ask', type: loop, in: { a: 'src.x', back: 'answer.back' } },
        { id: 'answer', type: echo, in: { go: 'ask.go' } },
      ),
    ).toThrowError(expect.objectContaining({ code: 'CHM203', message: expect.stringContaining('ask → answer') }));
  });

  it('holds for random graphs: each node has a higher rank than its producers', () => {
    const graph = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(graph, fc.nat(), (list, turn) => {
        const nodes = list.map(([a, b, two], i): BuildNode => {
          const from = (n: number) => (i === 0 ? 'src.x' : `n${n % i}.value`);
          return { id: `n${i}`, type: add, in: { a: from(a), ...(two ? { b: from(b) } : {}) } };
        });
        const k = turn % nodes.length;
        const plan = planOf(...nodes.slice(k), src, ...nodes.slice(0, k));
        for (const n of plan.nodes) {
          const before = n.inputs.map((i) => plan.nodes[i.from]!);
          for (const p of before) expect(p.rank).toBeLessThan(n.rank);
          expect(n.rank).toBe(before.length === 0 ? 0 : 1 + Math.max(...before.map((p) => p.rank)));
        }
        const order = plan.nodes.map((n) => [n.rank, n.declaration]);
        expect(order).toEqual([...order].sort((p, q) => p[0]! - q[0]! || p[1]! - q[1]!));
      }),
      { numRuns: 200 },
    );
  });
});

describe('what an event can reach', () => {
  const plan = planOf(
    src,
    { id: 'a', type: add, in: { a: 'src.x', b: 'src.y' } },
    { id: 'total', type: sumAll, in: { x: 'a.value' }, key: 'none' },
    { id: 'h', type: shared, in: { x: 'src.y', g: 'total.value' } },
    { id: 'h2', type: add, in: { a: 'h.value' } },
    { id: 'quiet', type: latch, in: { a: 'src.y', last: 'a.value' } },
    { id: 'alone', type: burst, in: { a: 'src.y' } },
  );

  it('is one instance per node as long as the key is known, and all of them after an unkeyed node', () => {
    expect(steps(plan, emission(plan, 'src', 'x'))).toEqual(['a:one', 'total:none', 'h:all', 'h2:all']);
  });
  it('does not include nodes that only read it passively', () => {
    expect(steps(plan, emission(plan, 'src', 'y'))).toEqual([
      'a:one',
      'alone:one',
      'total:none',
      // A passive edge counts for the order all the same: what is read is this cycle's value.
      'quiet:one',
      'h:all',
      'h2:all',
    ]);
    expect(steps(plan, plan.activation(at(plan, 'a').index))).not.toContain('quiet:one');
  });
  it('begins with the node itself when a timer woke it', () => {
    expect(steps(plan, plan.activation(at(plan, 'h').index))).toEqual(['h:one', 'h2:one']);
    expect(steps(plan, plan.activation(at(plan, 'total').index))).toEqual(['total:none', 'h:all', 'h2:all']);
  });
  it('is everybody for an unkeyed source port', () => {
    const wide = planOf(src, { id: 'h', type: shared, in: { x: 'src.x', g: 'src.all' } });
    expect(steps(wide, emission(wide, 'src', 'all'))).toEqual(['h:all']);
    expect(at(wide, 'h').inputs.map((i) => i.broadcast)).toEqual([false, true]);
  });
  it('is any key for records that an unkeyed node addresses, embedded or as feedback', () => {
    for (const feedback of [[], ['report']]) {
      const p = planOf(
        src,
        { id: 'ask', type: loop, in: { a: 'src.x' } },
        { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none', feedback },
        { id: 'own', type: collect, in: { list: 'ex.report' } },
      );
      const deferred = feedback.length > 0;
      expect(steps(p, emission(p, 'src', 'x'))).toEqual(
        deferred ? ['ask:one', 'ex:none'] : ['ask:one', 'ex:none', 'own:all'],
      );
      if (deferred) expect(steps(p, emission(p, 'ex', 'report', true))).toEqual(['own:all']);
      // Such records carry their key themselves; they are no broadcast.
      expect(at(p, 'own').inputs[0]).toMatchObject({ broadcast: false, any: false, list: true, deferred });
    }
  });
  it('keeps an all-keys list only where somebody reads it, and picks once per field', () => {
    const p = planOf(
      src,
      { id: 'a', type: add, in: { a: 'src.rec.price', b: 'src.rec.price' } },
      { id: 'b', type: add, in: { a: 'src.rec.size', b: 'src.rec.price' } },
      { id: 't', type: sumAll, in: { x: 'b.value' }, key: 'none' },
    );
    const rec = at(p, 'src').outs.find((o) => o.port === 'rec')!;
    expect(rec.picks.map((k) => k.field)).toEqual(['price', 'size']);
    expect(at(p, 'b').inputs.map((i) => i.pick)).toEqual([1, 0]);
    expect([at(p, 'a').outs[0]!.any, at(p, 'b').outs[0]!.any, rec.any]).toEqual([false, true, false]);
  });
});
