import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ema } from '../../operators/feature/ema.ts';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import { defineNode, defineRxNode, defineSource, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import { rowsReader } from '../runner/rows-reader.ts';
import { Run } from '../runner/runner.ts';
import { engineTime, from, map, scan, toArray } from '../rx.ts';
import { KeyTable, Scalar } from '../schema/index.ts';
import { buildPipeline } from '../testing/build.ts';
import { toOperator } from './standalone.ts';
import { tapRow } from './tap.ts';

const none = z.strictObject({});
const PORTS = [{ name: 'x', schema: Scalar }];
const source = defineSource({
  type: 'test.source',
  version: 1,
  tier: 'bronze',
  summary: 'rows',
  config: none,
  ports: { out: { x: output(Scalar) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});
const doubled = defineRxNode({
  type: 'test.doubled',
  version: 1,
  tier: 'silver',
  summary: 'twice the value',
  config: none,
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  rx: (ticks$) => ({ out$: ticks$.pipe(map((t) => ({ value: { value: t.x.value * 2 } }))), stateless: true }),
});
const quiet = defineRxNode({
  type: 'test.quiet',
  version: 1,
  tier: 'silver',
  summary: 'the last value once 5 ms have been quiet',
  config: none,
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  rx: (ticks$, _c, ctx) => ({
    out$: ticks$.pipe(
      map((t) => t.x.value),
      engineTime(ctx).debounceTime(5),
      map((value) => ({ value: { value } })),
    ),
    stateless: true,
  }),
});
const total = defineRxNode({
  type: 'test.total',
  version: 1,
  tier: 'silver',
  summary: 'running sum, without snapshot',
  config: none,
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  rx: (ticks$) => ({
    out$: ticks$.pipe(
      scan((sum, t) => sum + t.x.value, 0),
      map((value) => ({ value: { value } })),
    ),
  }),
});

async function engineRun(
  type: typeof doubled | typeof ema,
  rows: { t: number; value: number }[],
  config = {},
  store?: MemoryStore,
) {
  const out: { now: number; port: string; values: unknown }[] = [];
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT');
  const run = new Run(
    createPlan(
      buildPipeline([
        { id: 'src', type: source },
        { id: 'n', type, in: { x: 'src.x' }, with: config },
      ]),
    ),
    {
      keys,
      taps: ['n.value'],
      ...(store ? { store } : {}),
      readers: {
        src: async () =>
          rowsReader(
            PORTS,
            rows.map((r) => ({ t: r.t, port: 'x', key: 0, values: { value: r.value } })),
          ),
      },
      onTap: (tap) => {
        for (let i = 0; i < tap.n; i++) out.push({ now: tap.time(i), port: tap.port, values: tapRow(tap, i) });
      },
    },
  );
  await run.execute();
  return out;
}
const standalone = (type: typeof doubled | typeof ema, rows: { t: number; value: number }[], config = {}) =>
  lastValueFrom(
    from(rows.map((r) => ({ now: r.t, ticks: { x: { value: r.value } } }))).pipe(toOperator(type, config), toArray()),
  );
const rows = Array.from({ length: 50 }, (_, i) => ({ t: i * 3000 + (i % 5) * 700, value: Math.sin(i) * 10 }));

describe('a node as a plain RxJS operator', () => {
  it('agrees with the engine for the step form', async () => {
    const alone = await standalone(ema, rows, { period: 5 });
    expect(alone).toEqual(await engineRun(ema, rows, { period: 5 }));
    expect(alone).toHaveLength(50);
  });
  it('agrees with the engine for the rx form, also with time operators on engine time', async () => {
    expect(await standalone(doubled, rows)).toEqual(await engineRun(doubled, rows));
    const gaps = [0, 1000, 2000, 9000, 9500, 30_000, 31_000].map((t, i) => ({ t, value: i }));
    const expected = [
      { now: 7000, port: 'value', values: { value: 2 } },
      { now: 14_500, port: 'value', values: { value: 4 } },
    ];
    expect(await standalone(quiet, gaps)).toEqual(expected);
    expect(await engineRun(quiet, gaps)).toEqual(expected);
  });
  it('agrees at fractions of a millisecond and at the times of real markets', async () => {
    for (const ms of [0.3, 0.1, 0.7, 5.1]) {
      const brief = defineRxNode({
        ...quiet,
        type: 'test.brief',
        rx: (ticks$, _c, ctx) => ({
          out$: ticks$.pipe(
            map((t) => t.x.value),
            engineTime(ctx).debounceTime(ms),
            map((value) => ({ value: { value } })),
          ),
          stateless: true,
        }),
      });
      const start = 1_723_075_200_000_000;
      const gaps = Array.from({ length: 300 }, (_, i) => ({ t: start + i * 10_007 + (i % 7) * 331, value: i }));
      const alone = await standalone(brief, gaps);
      expect(await engineRun(brief, gaps)).toEqual(alone);
      // Every value but the last was followed by more quiet than that; it comes at the microsecond.
      expect(alone.map((o) => o.now - gaps[o.values['value'] as number]!.t)).toEqual(Array(299).fill(ms * 1000));
    }
  });
  it('fires what is due at the end of the input before it closes', async () => {
    const late = defineNode({
      type: 'test.late',
      version: 1,
      tier: 'silver',
      summary: 'answers at the same time, and at the end',
      config: none,
      ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
      determinism: 'pure',
      state: () => ({ fired: 0 }),
      step(s, _t, _c, emit, ctx) {
        if (ctx.timer) emit.value({ value: ++s.fired });
        else ctx.after(0, 1);
      },
      end: (s, _c, emit) => emit.value({ value: s.fired * 100 }),
    });
    const alone = await standalone(late as never, rows.slice(0, 3));
    expect(alone.map((o) => o.values['value'])).toEqual([1, 2, 3, 300]);
    expect(await engineRun(late as never, rows.slice(0, 3))).toEqual(alone);
  });
  it('is refused by a durable commit while a time operator holds a value back', async () => {
    const gaps = [0, 1000, 2000].map((t, i) => ({ t, value: i }));
    await expect(engineRun(quiet, gaps, {}, new MemoryStore())).rejects.toMatchObject({
      code: 'CHM501',
      where: { node: 'n' },
    });
  });
  it('is refused by a checkpoint when it hides state', async () => {
    await expect(engineRun(total, rows)).rejects.toMatchObject({ code: 'CHM501', where: { node: 'n' } });
  });
});
