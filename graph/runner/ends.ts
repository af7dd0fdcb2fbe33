import type { Core } from '../engine/core.ts';
import type { CommandSink, Env, Gateway, InPorts, Sink } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import type { Block, BlockReader, KeyTable } from '../schema/index.ts';
import { adaptReader } from './adapt-reader.ts';

/** A source while it is read. */
export interface Head {
  node: PlanNode;
  reader: BlockReader;
  block: Block | null;
  row: number;
  /** Number of the last input run. */
  offset: number;
  /** Nothing has been read yet. */
  fresh: boolean;
  /** What was read behind a place at which something else comes first. */
  behind: Block | null;
}
export interface OpenSink {
  node: PlanNode;
  sink: Sink<never>;
  /** The half of a gateway that takes commands. */
  commands: CommandSink<never> | undefined;
}
/** The outer ends of a running graph. */
export interface Ends {
  /** In order of declaration: at equal times that is the order of inputs. */
  heads: Head[];
  sinks: OpenSink[];
}
export interface EndsOptions {
  readonly keys: KeyTable;
  readonly env: (node: PlanNode) => Env;
  readonly readers: Readonly<Record<string, (keys: KeyTable) => Promise<BlockReader>>>;
  readonly wrap: ((source: string, reader: BlockReader) => BlockReader) | undefined;
}

/**
 * Opens the sources and sinks of a plan. When one fails, those that were opened here are closed again.
 * @param open those of a graph before this one; sources and the sinks in `kept` go on as they are
 */
export async function openEnds(
  plan: Plan,
  options: EndsOptions,
  open?: Ends,
  kept: readonly string[] = [],
): Promise<Ends> {
  const ends: Ends = { heads: [], sinks: [] };
  const gateways = new Map<string, Gateway<InPorts>>();
  const opened: Head[] = [];
  try {
    for (const node of plan.nodes) {
      const { kind } = node.node.type;
      if (kind === 'source') {
        const was = open?.heads.find((h) => h.node.id === node.id);
        if (was) ends.heads.push({ ...was, node });
        else {
          const reader = adaptReader(await openSource(node, options, gateways), node);
          const head = { node, reader, block: null, row: 0, offset: -1, fresh: true, behind: null };
          opened.push(head);
          ends.heads.push(head);
        }
      } else if (kind === 'sink') {
        const was = kept.includes(node.id) ? open?.sinks.find((s) => s.node.id === node.id) : undefined;
        ends.sinks.push(was ? { ...was, node } : await openSink(node, options, gateways));
      }
    }
    for (const h of opened) if (options.wrap) h.reader = options.wrap(h.node.id, h.reader);
  } catch (e) {
    await closeEnds(ends, open);
    throw e;
  }
  ends.heads.sort((a, b) => a.node.declaration - b.node.declaration);
  return ends;
}

async function openSource(node: PlanNode, o: EndsOptions, gateways: Map<string, Gateway<InPorts>>) {
  const { type, gateway, config } = node.node;
  const given = o.readers[node.id];
  if (given) return given(o.keys);
  if (gateway) {
    const both = await gateway.type.open(config as never, o.env(node));
    gateways.set(node.id, both);
    return both.reader;
  }
  if (type.kind !== 'source') throw new Error(`${node.id} is no source`);
  return type.open(config as never, o.env(node));
}
async function openSink(node: PlanNode, o: EndsOptions, gateways: Map<string, Gateway<InPorts>>): Promise<OpenSink> {
  const { type, gateway, config } = node.node;
  if (gateway) {
    const sink = (gateways.get(gateway.id)?.sink ?? NOWHERE) as CommandSink<never>;
    return { node, sink, commands: sink };
  }
  if (type.kind !== 'sink') throw new Error(`${node.id} is no sink`);
  const inputs = Object.fromEntries(node.node.inputs.map((e) => [e.port, e.schema]));
  const sink = (await type.open(config as never, o.env(node), { inputs })) as Sink<never>;
  return { node, sink, commands: undefined };
}

/** Gives the engine's instances their sinks. */
export function connect(core: Core, { sinks }: Ends): void {
  for (const { node, sink } of sinks) core.single[node.index]!.sink = sink;
}

/** Closes them, but what `kept` has as well. */
export async function closeEnds(ends: Ends, kept?: Ends): Promise<void> {
  const readers = kept?.heads.map((h) => h.reader) ?? [];
  for (const h of ends.heads) if (!readers.includes(h.reader)) await h.reader.close();
  await closeSinks(ends, kept);
}
/** Closes the sinks that `kept` has not, and forgets them. */
export async function closeSinks(ends: Ends, kept?: Ends): Promise<void> {
  const sinks = kept?.sinks.map((s) => s.sink) ?? [];
  const closing = ends.sinks.filter(({ sink }) => !sinks.includes(sink));
  ends.sinks = ends.sinks.filter((s) => !closing.includes(s));
  for (const { sink } of closing) await sink.close();
}

/** Where the commands of a replay go. */
export const NOWHERE: CommandSink<InPorts> = {
  write() {},
  flush() {},
  pending: () => false,
  commit: () => Promise.resolve(),
  rollback() {},
  close: () => Promise.resolve(),
};
