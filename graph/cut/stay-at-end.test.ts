import { describe, expect, it } from 'vitest';
import { MemoryBus } from '../bus/memory-bus.ts';
import { tapRow } from '../engine/tap.ts';
import { add, PORTS, source } from '../engine/testing-nodes.ts';
import { exact, keyTable } from '../engine/testing-play.ts';
import { createPlan } from '../plan/plan.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { buildPipeline } from '../testing/build.ts';
import { cutGraph } from './cut.ts';
import type { PartOptions } from './part-options.ts';
import { runPart } from './part-run.ts';

const cut = cutGraph(
  createPlan({
    ...buildPipeline([
      { id: 'src', type: source },
      { id: 'sum', type: add, in: { a: 'src.x' } },
    ]),
    services: { s0: ['src'], s1: ['sum'] },
  }),
);
const rows: InputRow[] = Array.from({ length: 40 }, (_, i) => ({
  t: 100 + i,
  port: 'x',
  key: i % 2,
  values: { value: i },
}));

describe('a part at the end of the run', () => {
  it('sends again what the bus has forgotten since, and ends when its readers have come to the end', async () => {
    const bus = new MemoryBus();
    const [from, to] = [cut.parts.find((p) => p.service === 's0')!, cut.parts.find((p) => p.service === 's1')!];
    let closes = 0;
    let restarts = 0;
    let closed = (): void => {};
    const once = new Promise<void>((done) => {
      closed = done;
    });
    const common = { cut, bus, naming: { prefix: '', pipeline: 'test' }, holder: 'test', until: 200, restartMs: 0 };
    const options: PartOptions = {
      ...{ ...common, part: from, commitMs: 0, stay: 'readers' },
      readers: {
        src: async (keys) => {
          for (const k of keyTable().list) keys.declare(k.name, k.pxDigits, k.qtyDigits);
          return rowsReader(PORTS, rows, 7);
        },
      },
      onRestart: () => restarts++,
      onClosed: (is) => {
        closes += is ? 1 : 0;
        if (is) closed();
      },
    };
    const sending = runPart(options);
    await once;
    // As a server does that has not synced its last second: the newest commits and the ends of all streams are gone.
    bus.partition(`part:{test:${from.id}}`).checkpoints = [];
    for (const s of bus.streams.values()) {
      s.entries.splice(Math.ceil(s.entries.length / 2));
      s.position = s.entries.at(-1)?.last ?? 0;
    }
    const lines: string[] = [];
    const read = await runPart({
      ...{ ...common, part: to, taps: ['sum.value'], stay: 'readers' },
      onTap: (tap) => {
        for (let i = 0; i < tap.n; i++) lines.push(`${tap.time(i)} ${exact(tapRow(tap, i))}`);
      },
    });
    await sending;
    expect(read.cycles).toBe(40);
    expect(lines).toHaveLength(40);
    expect(new Set(lines).size).toBe(40);
    expect(restarts).toBeGreaterThan(0);
    expect(closes).toBeGreaterThan(1);
  });
});
