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
import { ChimeraError, type KeyTable } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type Cut, cutGraph } from './cut.ts';
import { runPart } from './part-run.ts';

const SOURCES = ['src', 'src2', 'src3'] as const;

/** Lets nodes read several sources instead of one, and deals the rows out to them. */
function spread(nodes: readonly BuildNode[], rows: readonly InputRow[], sources: number, picks: readonly number[]) {
  const pick = (i: number): string => SOURCES[picks[i % picks.length]! % sources]!;
  let n = 0;
  const from = (ref: string): string => (ref.startsWith('src.') ? `${pick(n++)}${ref.slice(3)}` : ref);
  const graph = nodes.map((node) => ({
    ...node,
    ...(node.in
      ? { in: Object.fromEntries(Object.entries(node.in).map(([port, ref]) => [port, from(ref as string)])) }
      : {}),
  })) as BuildNode[];
  const ids = SOURCES.slice(0, sources);
  const of = Object.fromEntries(ids.map((id) => [id, [] as InputRow[]]));
  // Mixed, or one source after the other.
  const mixed = picks[0]! < 3;
  rows.forEach((row, i) => {
    of[mixed ? pick(i * 7 + 3) : ids[Math.floor((i * sources) / rows.length)]!]!.push(row);
  });
  // Each source knows the instruments that it has, in an order of its own; those that none has come last.
  const known = ids.map((id, i) => {
    const used = [...new Set(of[id]!.flatMap((r) => (r.key < 0 ? [] : [r.key])))].sort((a, b) => a - b);
    return (picks[i]! % 2 ? used.reverse() : used).map((k) => `usdm:K${k}`);
  });
  const names = [...new Set([...known.flat(), 'usdm:K0', 'usdm:K1', 'usdm:K2'])];
  for (const list of Object.values(of))
    for (const [i, r] of list.entries()) if (r.key >= 0) list[i] = { ...r, key: names.indexOf(`usdm:K${r.key}`) };
  return { graph, ids, rows: of, known, names };
}
type Spread = ReturnType<typeof spread>;

/** Names of three services for the nodes in order; what is joined by feedback without delay stays together. */
function servicesOf({ graph, ids }: Spread, choice: readonly number[]): Pipeline['services'] {
  const home = new Map<string, number>();
  ids.forEach((id, i) => {
    home.set(id, i === 0 ? 0 : choice[i % choice.length]!);
  });
  graph.forEach((n, i) => {
    home.set(n.id, choice[i % choice.length]! % 3);
  });
  const groups: Record<string, string[]> = { s0: [], s1: [], s2: [] };
  for (const [id, s] of home) groups[`s${s}`]!.push(id);
  return groups;
}
function cutOf(of: Spread, choice: readonly number[]): Cut | undefined {
  const pipeline = buildPipeline([...of.ids.map((id) => ({ id, type: source })), ...of.graph]);
  try {
    return cutGraph(createPlan({ ...pipeline, services: servicesOf(of, choice) }));
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
        const broken = (method: Exclude<keyof Held, 'token' | 'lost' | 'cover' | 'checkpoints' | 'release'>) =>
          (async (...args: never[]) => {
            maybe();
            const answer: unknown = await (held[method] as (...a: never[]) => Promise<unknown>)(...args);
            maybe();
            return answer;
          }) as never;
        return {
          token: held.token,
          lost: held.lost,
          check: () => held.check(),
          cover: (tags) => held.cover(tags),
          checkpoints: () => held.checkpoints(),
          release: () => held.release(),
          append: broken('append'),
          commit: broken('commit'),
          positions: broken('positions'),
          need: broken('need'),
          trim: broken('trim'),
          putAside: broken('putAside'),
          givenBack: broken('givenBack'),
          tookBack: broken('tookBack'),
        } satisfies Held;
      },
      reader: (...args) => inner.reader(...args),
      say: (...args) => inner.say(...args),
      said: (name) => inner.said(name),
      close: () => inner.close(),
    };
  }
}

async function playCut(cut: Cut, of: Spread, seed: number, rate: number, until: number | undefined) {
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
        ...(until === undefined ? {} : { until }),
        commitMs: 0,
        restartMs: 0,
        slice: [3, 11, 2048][seed % 3]!,
        readers: Object.fromEntries(
          of.ids.map((id, i) => [
            id,
            async (keys: KeyTable) => {
              const all = keyTable(of.names);
              const known = of.ids.length === 1 ? of.names : of.known[i]!;
              for (const name of known) keys.declare(name, all.find(name)!.pxDigits, all.find(name)!.qtyDigits);
              const rows = of.rows[id]!.map((r) => (r.key < 0 ? r : { ...r, key: keys.find(of.names[r.key]!)!.index }));
              return rowsReader(PORTS, rows, 7);
            },
          ]),
        ),
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
    let entrances = 0;
    await fc.assert(
      fc.asyncProperty(
        graphWithoutQuestions,
        inputs,
        fc.array(fc.nat(2), { minLength: 1, maxLength: 16 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(5), { minLength: 3, maxLength: 9 }),
        fc.nat(1_000_000),
        fc.constantFrom(0, 5, 15),
        async (nodes, list, choice, sources, picks, seed, rate) => {
          const of = spread(nodes, list, sources, picks);
          const cut = cutOf(of, choice);
          fc.pre(cut !== undefined && cut.parts.length > 1);
          const until = seed % 2 === 0 ? { until: list.at(-1)!.t + 20 } : {};
          const { src, ...more } = of.rows;
          const expected = await play(of.graph, src!, { more, names: of.names, ...until });
          const played = await playCut(cut!, of, seed, rate, until.until);
          expect(filled(played.ports)).toEqual(filled(expected.ports));
          cuts += cut!.parts.length - 1;
          rows += Object.values(expected.ports).flat().length;
          restarts += played.breaks;
          entrances += cut!.parts.filter((p) => p.peers.length > 0).length;
        },
      ),
      { numRuns: 200 },
    );
    // The cuts are there, and things really broke.
    expect(cuts).toBeGreaterThan(400);
    expect(entrances).toBeGreaterThan(150);
    expect(rows).toBeGreaterThan(10_000);
    expect(restarts).toBeGreaterThan(150);
  }, 240_000);
});
