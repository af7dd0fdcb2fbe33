import { MemoryStore } from '../checkpoint/memory-store.ts';
import { createPlan } from '../plan/plan.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { Run, type RunOptions, type RunResult } from '../runner/runner.ts';
import { KeyTable } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import type { Engine } from './engine.ts';
import { tapRow } from './tap.ts';
import { PORTS, source } from './testing-nodes.ts';

/** What a run did: per port its rows as exact text, in order. */
export interface Played {
  ports: Record<string, string[]>;
  result: RunResult;
  engine: Engine;
}
export type PlayOptions = Partial<RunOptions> & {
  blockRows?: number;
  /** Names of the instruments, by index. */
  names?: readonly string[];
  /** Rows of further sources, by node id; the first source is called `src`. */
  more?: Readonly<Record<string, InputRow[]>>;
  into?: Record<string, string[]>;
};

/** Doubles told apart to the last bit, −0 and NaN included. */
export const exact = (values: Record<string, unknown>): string =>
  JSON.stringify(values, (_, v: unknown) =>
    typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0)) ? (Object.is(v, -0) ? '-0' : `${v}`) : v,
  );

/** A key table with the given instruments, with decimals that differ. */
export function keyTable(names: readonly string[] = ['usdm:K0', 'usdm:K1', 'usdm:K2']): KeyTable {
  const keys = new KeyTable();
  names.forEach((name, i) => {
    keys.declare(name, i, i + 1);
  });
  return keys;
}

/** Runs nodes behind the source `src` over rows, all ports tapped. */
export async function play(nodes: readonly BuildNode[], rows: InputRow[], options: PlayOptions = {}): Promise<Played> {
  const { blockRows = 1024, names, more = {}, into, ...rest } = options;
  const ports = into ?? {};
  const sources = { src: rows, ...more };
  const pipeline = buildPipeline([...Object.keys(sources).map((id) => ({ id, type: source })), ...nodes]);
  const keys = keyTable(names);
  const run = new Run(createPlan(pipeline), {
    keys,
    taps: '*',
    readers: Object.fromEntries(
      Object.entries(sources).map(([id, list]) => [id, async () => rowsReader(PORTS, list, blockRows)]),
    ),
    onTap: (tap) => {
      const port = `${tap.node}.${tap.port}`;
      ports[port] ??= [];
      for (let i = 0; i < tap.n; i++) {
        const key = tap.key(i) < 0 ? '-' : keys.at(tap.key(i)).name.replace('usdm:', '');
        ports[port].push(`${tap.cause(i)}#${tap.seq(i)} t=${tap.time(i)} ${key} ${exact(tapRow(tap, i))}`);
      }
    },
    ...rest,
  });
  try {
    return { ports, result: await run.execute(), engine: run.engine };
  } finally {
    await run.close();
  }
}

/** The same, stopped after `stops` inputs each and resumed by a new engine from the last checkpoint. */
export async function playResumed(
  nodes: readonly BuildNode[],
  rows: InputRow[],
  stops: readonly number[],
  options: PlayOptions = {},
): Promise<Played> {
  const store = new MemoryStore();
  const into: Record<string, string[]> = {};
  for (const stop of [...stops].sort((a, b) => a - b)) {
    const abort = new AbortController();
    await play(nodes, rows, {
      ...options,
      store,
      into,
      blockRows: 1,
      signal: abort.signal,
      onProgress: ({ events }) => {
        if (events >= stop) abort.abort();
      },
    });
  }
  return play(nodes, rows, { ...options, store, into });
}
