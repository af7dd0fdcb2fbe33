import { type Ctx, type InPorts, inPortsOf, type Sink, type SinkNode } from '../../graph/node.ts';
import { KeyTable, type Schema } from '../../graph/schema/index.ts';

/** What ticks in one cycle, by in-port; `key` is the index of the instrument, 0 unless given. */
export interface Cycle {
  readonly t: number;
  readonly seq: number;
  readonly source?: string;
  readonly records: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}
export interface Play {
  readonly dir?: string | undefined;
  readonly inputs: Readonly<Record<string, Schema>>;
  readonly cycles: readonly Cycle[];
  /** Indexes of the cycles after which there is a commit. */
  readonly commits: readonly number[];
  /** Epoch of the last commit before. */
  readonly epoch?: number;
}

/** BTCUSDT with 2 and 3 decimals, ETHUSDT with 1 and 4. */
export function twoKeys(): KeyTable {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 2, 3);
  keys.declare('usdm:ETHUSDT', 1, 4);
  return keys;
}

/** Opens a sink and hands it cycles and commits as the engine does. The sink stays open. */
export async function play(
  // biome-ignore lint/suspicious/noExplicitAny: sinks of every configuration.
  node: SinkNode<any, any>,
  config: Record<string, unknown>,
  { dir, inputs, cycles, commits, epoch = 0 }: Play,
): Promise<{ sink: Sink<InPorts>; epoch: number }> {
  const env = { keys: twoKeys(), inputs: [], dir, pipeline: 'trend', node: 'out', seed: 1 };
  const sink: Sink<InPorts> = await node.open(node.config.parse(config), env, { inputs });
  const fixed = Object.keys(inPortsOf(node));
  const rest = Object.keys(inputs).filter((p) => !fixed.includes(p));
  let last = epoch;
  for (const [i, cycle] of cycles.entries()) {
    const list = (port: string) => {
      const rows = (cycle.records[port] ?? []).map((r) => ({ key: 0, ...r }));
      return { ticked: rows.length > 0, n: rows.length, at: (j: number) => rows[j]! };
    };
    const tick = { ...Object.fromEntries(fixed.map((p) => [p, list(p)])), rest: rest.map(list) };
    sink.write(tick as never, { now: cycle.t, cause: { source: cycle.source ?? 'market', seq: cycle.seq } } as Ctx);
    if (commits.includes(i))
      await sink.commit({ epoch: ++last, now: cycle.t, offsets: { [cycle.source ?? 'market']: cycle.seq } });
  }
  return { sink, epoch: last };
}
