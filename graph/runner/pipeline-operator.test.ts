import { from, lastValueFrom, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  add,
  echo,
  exchange,
  fragile,
  loop,
  rxSum,
  shared,
  source,
  sumAll,
  timed,
  x,
} from '../engine/testing-nodes.ts';
import { exact, keyTable, play } from '../engine/testing-play.ts';
import { defineNode, defineSink, input, output } from '../node.ts';
import { filter, map } from '../rx.ts';
import { Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type Emission, pipelineOperator } from './pipeline-operator.ts';

const closing = defineNode({
  version: 1,
  tier: 'silver',
  summary: 'test',
  determinism: 'pure',
  type: 'test.closing',
  config: z.strictObject({}),
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ n: 0 }),
  step: (s) => {
    s.n++;
  },
  end: (s, _c, emit) => emit.value({ value: s.n }),
});
const nothing = defineSink({
  version: 1,
  tier: 'gold',
  summary: 'test',
  determinism: 'external',
  type: 'test.nothing',
  config: z.strictObject({}),
  ports: { in: { a: input(Scalar, { key: 'any' }) } },
  open: async () => ({ write: () => {}, commit: async () => {}, rollback: () => {}, close: async () => {} }),
});
const nodes: BuildNode[] = [
  { id: 'a', type: add, in: { a: 'src.x', b: 'src.y' } },
  { id: 's', type: sumAll, in: { x: 'a.value' }, key: 'none' },
  { id: 'h', type: shared, in: { x: 'a.value', g: 's.value' } },
  { id: 'r', type: rxSum, in: { a: 'h.value' } },
  { id: 't', type: timed, in: { a: 'r.value' } },
  { id: 'ask', type: loop, in: { a: 't.value', back: 'ex.report' } },
  { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none', feedback: ['report'], delayUs: 3 },
  { id: 'back', type: echo, in: { go: 'ask.go' }, feedback: ['back'] },
  { id: 'c', type: closing, in: { a: 'src.y' } },
  { id: 'sink', type: nothing, in: { a: 'r.value' }, key: 'none' },
];
const pipeline = buildPipeline([{ id: 'src', type: source }, ...nodes]);
const out = ['src.x', 'src.y', 'a.value', 's.value', 'h.value', 'r.value', 't.value', 'ask.go', 'ex.report', 'c.value'];
const rows = Array.from({ length: 200 }, (_, i) => x(i * 3 - (i % 3), ((i * 5) % 11) - 4, i % 3, i % 4 ? 'x' : 'y'));
const run = (mode: 'generated' | 'interpreted' = 'generated') =>
  lastValueFrom(from(rows).pipe(pipelineOperator(pipeline, { source: 'src', out, keys: keyTable(), mode }), toArray()));

describe('a pipeline as a plain RxJS operator', () => {
  it('agrees with the engine byte for byte, timers, feedback and closing included', async () => {
    const { ports } = await play(nodes, rows);
    for (const mode of ['generated', 'interpreted'] as const) {
      const emitted: Record<string, string[]> = {};
      for (const e of await run(mode)) {
        emitted[e.port] ??= [];
        const key = e.key < 0 ? '-' : `K${e.key}`;
        emitted[e.port]!.push(`${e.cause}#${e.seq} t=${e.now} ${key} ${exact(e.values)}`);
      }
      expect(emitted).toEqual(Object.fromEntries(out.map((port) => [port, ports[port]])));
      expect(emitted['ask.go']!.length).toBeGreaterThan(100);
    }
  });
  it('gives each subscription a state of its own, and composes with other operators', async () => {
    const values$ = from(rows).pipe(
      pipelineOperator(pipeline, { source: 'src', out: ['s.value'], keys: keyTable() }),
      map((e: Emission) => e.values['value'] as number),
      filter((v) => v > 0),
      toArray(),
    );
    const first = await lastValueFrom(values$);
    expect(first.length).toBeGreaterThan(50);
    expect(await lastValueFrom(values$)).toEqual(first);
  });
  it('emits with the input that causes it, not later', () => {
    const rows$ = new Subject<(typeof rows)[number]>();
    const seen: number[] = [];
    rows$
      .pipe(pipelineOperator(pipeline, { source: 'src', out: ['a.value'], keys: keyTable() }))
      .subscribe((e) => seen.push(e.seq));
    rows$.next(rows[0]!);
    expect(seen).toEqual([0]);
    rows$.next(rows[1]!);
    expect(seen).toEqual([0, 1]);
  });
  it('passes a failed cycle on as a coded error, and refuses ports that are not there', async () => {
    const bad = buildPipeline([
      { id: 'src', type: source },
      { id: 'f', type: fragile, in: { a: 'src.x' } },
    ]);
    const failing$ = from([x(1, 1), x(2, 13)]).pipe(
      pipelineOperator(bad, { source: 'src', out: ['f.value'], keys: keyTable() }),
      toArray(),
    );
    await expect(lastValueFrom(failing$)).rejects.toMatchObject({ code: 'CHM703', where: { source: 'src', seq: 1 } });
    expect(() => pipelineOperator(bad, { source: 'f', out: [] })).toThrowError(
      expect.objectContaining({ code: 'CHM790' }),
    );
    expect(() => pipelineOperator(bad, { source: 'src', out: ['f.nothing'] })).toThrowError(
      expect.objectContaining({ code: 'CHM790', message: 'test has no port f.nothing' }),
    );
  });
});
