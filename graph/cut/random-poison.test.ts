import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bus, Held, PutAside } from '../bus/bus.ts';
import { MemoryBus } from '../bus/memory-bus.ts';
import { Rewound } from '../bus/rewound.ts';
import type { Pipeline } from '../document/types.ts';
import { tapRow } from '../engine/tap.ts';
import { graphWithoutQuestions, inputs } from '../engine/testing-graph.ts';
import { PORTS, source } from '../engine/testing-nodes.ts';
import { exact, keyTable } from '../engine/testing-play.ts';
import { nextFloat, nextInt, seedRandom } from '../math/index.ts';
import { createPlan } from '../plan/plan.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { ChimeraError } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type Cut, cutGraph } from './cut.ts';
import { runPart } from './part-run.ts';
import type { Decision } from './poison.ts';

const NAMING = { prefix: '', pipeline: 'test' };

function cutOf(nodes: readonly BuildNode[], choice: readonly number[]): Cut | undefined {
  const pipeline = buildPipeline([{ id: 'src', type: source }, ...nodes]);
  const services: Record<string, string[]> = { s0: ['src'], s1: [], s2: [] };
  nodes.forEach((n, i) => {
    services[`s${choice[i % choice.length]! % 3}`]!.push(n.id);
  });
  try {
    return cutGraph(createPlan({ ...pipeline, services: services as Pipeline['services'] }));
  } catch (e) {
    if (e instanceof ChimeraError && e.code === 'CHM510') return undefined;
    throw e;
  }
}

type Rates = { readonly broken: number; readonly poison: number };
/** A bus that breaks calls, before or after they have done their work, and damages or loses entries as they are written. */
class Troubled {
  breaks = 0;
  poisoned = 0;
  /** What entries were before they were damaged, by stream and last cycle. */
  readonly good = new Map<string, Uint8Array>();
  readonly inner = new MemoryBus();
  readonly bus: Bus;
  constructor(seed: number, { broken, poison }: Rates) {
    const { inner } = this;
    const random = seedRandom(seed);
    const maybe = (): void => {
      if (nextFloat(random) * 1000 >= broken) return;
      this.breaks++;
      if (nextFloat(random) < 0.5) throw new Rewound('x', 0, 'broken by the test');
      throw new ChimeraError('CHM521', 'broken by the test', {});
    };
    const damage = (stream: string, before: number): void => {
      const s = inner.stream(stream);
      for (let i = s.entries.length - 1; i >= 0 && s.entries[i]!.last > before; i--) {
        if (nextFloat(random) * 1000 >= poison) continue;
        const e = s.entries[i]!;
        this.poisoned++;
        this.good.set(`${stream} ${e.last}`, e.payload);
        const payload = e.payload.slice();
        const how = nextInt(random, 4);
        // The very first entry of a stream that is not there means something else.
        if (how === 0 && e.prev > 0 && i < s.entries.length - 1) s.entries.splice(i, 1);
        else {
          if (how === 1) payload[0] = payload[0]! + 1;
          else payload[nextInt(random, payload.length)]! ^= 1 << nextInt(random, 8);
          s.entries[i] = { ...e, payload: how === 2 ? payload.slice(0, nextInt(random, payload.length)) : payload };
        }
      }
    };
    this.bus = {
      acquire: async (name, options) => {
        const held = await inner.acquire(name, options);
        const broken = (method: 'commit' | 'positions' | 'need' | 'trim' | 'putAside' | 'givenBack' | 'tookBack') =>
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
          append: async (batches) => {
            maybe();
            const before = new Map(batches.map((b) => [b.stream, inner.stream(b.stream).position]));
            // Before anyone can have read it.
            const appended = held.append(batches);
            for (const [stream, position] of before) damage(stream, position);
            await appended;
            maybe();
          },
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

interface Played {
  readonly ports: Record<string, string[]>;
  readonly dead: number;
  readonly decisions: Record<string, Decision[]>;
  readonly troubled: Troubled;
}
/** @param known decisions of another play, which this one is to repeat */
async function play(
  cut: Cut,
  rows: InputRow[],
  {
    seed,
    rates,
    until,
    known,
    replays,
  }: { seed: number; rates: Rates; until: number; known?: Record<string, Decision[]>; replays?: boolean },
): Promise<Played> {
  const troubled = new Troubled(seed, rates);
  const ports: Record<string, string[]> = {};
  const decisions: Record<string, Decision[]> = {};
  const open = new Set(cut.parts.map((p) => p.id));
  const ended = new AbortController();
  const random = seedRandom(seed + 1);
  // Now and then somebody gives a dead letter back, with the bytes as they should have been.
  const replay = (partition: string): void => {
    const [letter] = troubled.inner.letters.get(partition) ?? [];
    if (replays && letter && !letter.stream.startsWith('frontier') && nextFloat(random) < 0.3)
      troubled.inner.giveBack(partition, troubled.good.get(`${letter.stream} ${letter.last}`));
  };
  const results = await Promise.all(
    cut.parts.map((part) => {
      const own = part.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));
      decisions[part.id] = [...(known?.[part.id] ?? [])];
      return runPart({
        cut,
        part,
        bus: troubled.bus,
        naming: NAMING,
        holder: 'test',
        taps: own,
        until,
        commitMs: 0,
        restartMs: 0,
        slice: [3, 11, 2048][seed % 3]!,
        stay: ended.signal,
        onClosed: (closed) => {
          if (closed) open.delete(part.id);
          else open.add(part.id);
          if (open.size === 0) ended.abort();
        },
        decisions: {
          load: async () => decisions[part.id]!,
          append: async (made) => {
            decisions[part.id]!.push(...made);
          },
        },
        readers: {
          src: async (keys) => {
            for (const { name, pxDigits, qtyDigits } of keyTable().list) keys.declare(name, pxDigits, qtyDigits);
            return rowsReader(PORTS, rows, 7);
          },
        },
        onProgress: () => replay(`part:{test:${part.id}}`),
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
  return { ports, dead: results.reduce((n, r) => n + r.counters.dead_lettered, 0), decisions, troubled };
}

const filled = (ports: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(ports).filter(([, lines]) => lines.length > 0));
const lettersOf = ({ troubled }: Played): PutAside[] => [...troubled.inner.letters.values()].flat();

describe('entries that cannot be read, in a graph that is cut into parts', () => {
  const arbitrary = [
    graphWithoutQuestions,
    inputs,
    fc.array(fc.nat(2), { minLength: 1, maxLength: 16 }),
    fc.nat(1_000_000),
    fc.constantFrom(0, 5, 15),
  ] as const;

  it('are left out by all lives of a part alike, wherever they lie and whatever breaks, and put aside once each', async () => {
    const seen = { poisoned: 0, breaks: 0, skips: 0, letters: 0 };
    await fc.assert(
      fc.asyncProperty(...arbitrary, async (nodes, list, choice, seed, broken) => {
        const cut = cutOf(nodes, choice);
        fc.pre(cut !== undefined && cut.parts.length > 1);
        const until = list.at(-1)!.t + 20;
        const played = await play(cut!, list, { seed, rates: { broken, poison: 40 }, until });
        // Where nothing is damaged and nothing breaks, and the same is left out.
        const still = await play(cut!, list, {
          seed,
          rates: { broken: 0, poison: 0 },
          until,
          known: played.decisions,
        });
        expect(filled(played.ports)).toEqual(filled(still.ports));
        const letters = lettersOf(played);
        expect(new Set(letters.map((l) => `${l.part} ${l.mark} ${l.stream}`)).size).toBe(letters.length);
        const skips = Object.values(played.decisions).flat();
        const skipped = new Set(skips.flatMap((d) => ('skip' in d ? [`${d.skip.stream} ${d.skip.last}`] : [])));
        expect(new Set(letters.filter((l) => l.schema !== 'control').map((l) => `${l.stream} ${l.last}`))).toEqual(
          skipped,
        );
        seen.poisoned += played.troubled.poisoned;
        seen.breaks += played.troubled.breaks;
        seen.skips += skipped.size;
        seen.letters += letters.length;
      }),
      { numRuns: 40, endOnFailure: true },
    );
    expect(seen.poisoned).toBeGreaterThan(30);
    expect(seen.breaks).toBeGreaterThan(30);
    expect(seen.skips).toBeGreaterThan(20);
  });

  it('come back once when they are given back, at the same place in each life', async () => {
    const seen = { replays: 0, breaks: 0 };
    await fc.assert(
      fc.asyncProperty(...arbitrary, async (nodes, list, choice, seed, broken) => {
        const cut = cutOf(nodes, choice);
        fc.pre(cut !== undefined && cut.parts.length > 1);
        const until = list.at(-1)!.t + 60;
        const played = await play(cut!, list, { seed, rates: { broken, poison: 60 }, until, replays: true });
        const still = await play(cut!, list, {
          seed,
          rates: { broken: 0, poison: 0 },
          until,
          known: played.decisions,
        });
        expect(filled(played.ports)).toEqual(filled(still.ports));
        seen.replays += Object.values(played.decisions)
          .flat()
          .filter((d) => 'replay' in d).length;
        seen.breaks += played.troubled.breaks;
      }),
      { numRuns: 40, endOnFailure: true },
    );
    expect(seen.replays).toBeGreaterThan(10);
  });
});
