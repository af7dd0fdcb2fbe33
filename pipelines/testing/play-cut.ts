import type { Bus } from '../../graph/bus/bus.ts';
import { MemoryBus } from '../../graph/bus/memory-bus.ts';
import { type Cut, cutGraph } from '../../graph/cut/cut.ts';
import type { PartOptions, PartResult } from '../../graph/cut/part-options.ts';
import { runPart } from '../../graph/cut/part-run.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { type Tap, tapRow } from '../../graph/engine/tap.ts';
import { createPlan, type Plan } from '../../graph/plan/plan.ts';
import { Run, type RunOptions } from '../../graph/runner/runner.ts';
import { KeyTable } from '../../graph/schema/index.ts';

/** Every value of every port as exact text, in order: cause, number, time, instrument, record. */
export type Ports = Record<string, string[]>;

export const portsOf = (plan: Plan): string[] => plan.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));

const exact = (values: Record<string, unknown>): string =>
  JSON.stringify(values, (_, v: unknown) => (Object.is(v, -0) ? '-0' : typeof v === 'number' ? String(v) : v));

export function collect(tap: Tap, keys: KeyTable, into: Ports): void {
  const port = `${tap.node}.${tap.port}`;
  into[port] ??= [];
  for (let i = 0; i < tap.n; i++) {
    const key = tap.key(i) < 0 ? '-' : keys.at(tap.key(i)).name;
    into[port].push(`${tap.cause(i)}#${tap.seq(i)} t=${tap.time(i)} ${key} ${exact(tapRow(tap, i))}`);
  }
}

export async function playWhole(pipeline: Pipeline, options: RunOptions = {}): Promise<Ports> {
  const ports: Ports = {};
  const keys = new KeyTable();
  const run = new Run(createPlan(pipeline), {
    seed: 1,
    taps: '*',
    digests: true,
    keys,
    ...options,
    onTap: (tap) => collect(tap, keys, ports),
  });
  try {
    await run.execute();
  } finally {
    await run.close();
  }
  return ports;
}

export interface PlayedCut {
  ports: Ports;
  results: PartResult[];
  cut: Cut;
}
/** All parts in this process, joined by a bus. */
export async function playCut(
  pipeline: Pipeline,
  options: Partial<PartOptions> & { bus?: Bus } = {},
): Promise<PlayedCut> {
  const plan = createPlan(pipeline);
  const cut = cutGraph(plan);
  const bus = options.bus ?? new MemoryBus();
  const ports: Ports = {};
  const results = await Promise.all(cut.parts.map((part) => runPart(partOptions(cut, part, bus, ports, options))));
  return { ports, results, cut };
}

/** Options of one part whose taps go to `ports`, also when it goes back to a commit. */
export function partOptions(
  cut: Cut,
  part: PartOptions['part'],
  bus: Bus,
  ports: Ports,
  options: Partial<PartOptions> = {},
): PartOptions {
  const own = part.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));
  return {
    cut,
    part,
    bus,
    naming: { prefix: '', pipeline: cut.plan.pipeline.name },
    holder: 'test',
    seed: 1,
    taps: own,
    digests: true,
    onTap: (tap, keys) => collect(tap, keys, ports),
    extra: {
      take: () => Object.fromEntries(own.map((p) => [p, ports[p]?.length ?? 0])),
      restore: (extra) => {
        for (const p of own) if (ports[p]) ports[p].length = (extra as Record<string, number> | undefined)?.[p] ?? 0;
      },
    },
    ...options,
  };
}
