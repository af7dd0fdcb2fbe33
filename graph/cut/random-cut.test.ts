import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bus, Held } from '../bus/bus.ts';
import { MemoryBus } from '../bus/memory-bus.ts';
import { Rewound } from '../bus/rewound.ts';
import type { Pipeline } from '../document/types.ts';
import { tapRow } from '../engine/tap.ts';
import { graphWithoutQuestions, inputs } from '../engine/testing-graph.ts';
import { PORTS, source } from '../engine/testing-nodes.ts';
import { exact, keyTable, play } from '../engine/testing-play.ts';
import { nextFloat, seedRandom } from '../math/index.ts';
import { createPlan } from '../plan/plan.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { ChimeraError } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type Cut, cutGraph } from './cut.ts';
import { runPart } from './part-run.ts';

/** Names of three services for the nodes in order; what is joined by feedback without delay stays together. */
function servicesOf(nodes: readonly BuildNode[], choice: readonly number[]): Pipeline['services'] {
  const home = new Map<string, number>([['src', 0]]);
  nodes.forEach((n, i) => {
    home.set(n.id, choice[i % choice.length]! % 3);
  });
  const groups: Record<string, string[]> = { s0: [], s1: [], s2: [] };
  for (const [id, s] of home) groups[`s${s}`]!.push(id);
  return groups;
}
function cutOf(nodes: readonly BuildNode[], choice: readonly number[]): Cut | undefined {
  const pipeline = buildPipeline([{ id: 'src', type: source }, ...nodes]);
  try {
    return cutGraph(createPlan({ ...pipeline, services: servicesOf(nodes, choice) }));
  } catch (e) {
    if (e instanceof ChimeraError && e.code === 'CHM510') return undefined;
    throw e;
  }
}

/** A bus that now and then breaks a call, before or after it has done its work: the caller has to start again. */
class Breaking {
  breaks = 0;
  readonly bus: Bus;
  constructor(inner: MemoryBus, seed: number, rate: number) {
    const random = seedRandom(seed);
    const maybe = (): void => {
      if (nextFloat(random) * 1000 >= rate) return;
      this.breaks++;
      if (nextFloat(random) < 0.5) throw new Rewound('x', 0, 'broken by the test');
      throw new ChimeraError('CHM521', 'broken by the test', {});
    };
    this.bus = {
      acquire: async (name, options) => {
        const held = await inner.acquire(name, options);
        const broken = (method: 'append' | 'commit' | 'positions' | 'need' | 'trim') =>
          (async (...args: never[]) => {
            maybe();
            const answer: unknown = await (held[method] as (...a: never[]) => Promise<unknown>)(...args);
            maybe();
            return answer;
          }) as never;
        return {
          token: held.token,
          lost: held.lost,
          cover: (tags) => held.cover(tags),
          checkpoints: () => held.checkpoints(),
          release: () => held.release(),
          append: broken('append'),
          commit: broken('commit'),
          positions: broken('positions'),
          need: broken('need'),
          trim: broken('trim'),
        } satisfies Held;
      },
      reader: (...args) => inner.reader(...args),
      close: () => inner.close(),
    };
  }
}

async function playCut(cut: Cut, rows: InputRow[], seed: number, rate: number, until: number) {
  const inner = new MemoryBus();
  const breaking = new Breaking(inner, seed, rate);
  const { bus } = breaking;
  const ports: Record<string, string[]> = {};
  const results = await Promise.all(
    cut.parts.map((part) => {
      const own = part.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));
      return runPart({
        cut,
        part,
        bus,
        naming: { prefix: '', pipeline: 'test' },
        holder: 'test',
        taps: own,
        until,
        commitMs: 0,
        restartMs: 0,
        slice: [3, 11, 2048][seed % 3]!,
        readers: {
          src: async (keys) => {
            for (const { name, pxDigits, qtyDigits } of keyTable().list) keys.declare(name, pxDigits, qtyDigits);
            return rowsReader(PORTS, rows, 7);
          },
        },
        onTap: (tap, keys) => {
          const port = `${tap.node}.${tap.port}`;
          ports[port] ??= [];
          for (let i = 0; i < tap.n; i++) {
            const key = tap.key(i) < 0 ? '-' : keys.at(tap.key(i)).name.replace('usdm:', '');
            ports[port].push(`${tap.cause(i)}#${tap.seq(i)} t=${tap.time(i)} ${key} ${exact(tapRow(tap, i))}`);
          }
        },
        extra: {
          take: () => Object.fromEntries(own.map((p) => [p, ports[p]?.length ?? 0])),
          restore: (extra) => {
            for (const p of own)
              if (ports[p]) ports[p].length = (extra as Record<string, number> | undefined)?.[p] ?? 0;
          },
        },
      });
    }),
  );
  return { ports, results, breaks: breaking.breaks, streams: inner.streams };
}

const filled = (ports: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(ports).filter(([, lines]) => lines.length > 0));

describe('a graph that is cut into parts', () => {
  it('gives the same bytes as the whole, wherever it is cut, and whatever breaks on the bus', async () => {
    let cuts = 0;
    let rows = 0;
    let restarts = 0;
    await fc.assert(
      fc.asyncProperty(
        graphWithoutQuestions,
        inputs,
        fc.array(fc.nat(2), { minLength: 1, maxLength: 16 }),
        fc.nat(1_000_000),
        fc.constantFrom(0, 5, 15),
        async (nodes, list, choice, seed, rate) => {
          const cut = cutOf(nodes, choice);
          fc.pre(cut !== undefined && cut.parts.length > 1);
          const until = list.at(-1)!.t + 20;
          const expected = await play(nodes, list, { until });
          const played = await playCut(cut!, list, seed, rate, until);
          expect(filled(played.ports)).toEqual(filled(expected.ports));
          cuts += cut!.parts.length - 1;
          rows += Object.values(expected.ports).flat().length;
          restarts += played.breaks;
        },
      ),
      { numRuns: 150 },
    );
    // The cuts are there, and things really broke.
    expect(cuts).toBeGreaterThan(300);
    expect(rows).toBeGreaterThan(10_000);
    expect(restarts).toBeGreaterThan(150);
  });
});
