import type { Engine, Upcoming } from '../../../graph/engine/engine.ts';
import type { Instance } from '../../../graph/engine/instance.ts';
import type { Snapshot } from '../../../graph/engine/snapshot.ts';
import { type Tap, tapRow } from '../../../graph/engine/tap.ts';
import type { Plan } from '../../../graph/plan/plan.ts';

/** What a port held: its last value. */
export interface PortView {
  readonly port: string;
  /** The out-port carries several records a cycle: it has no last value, only those of a cycle. */
  readonly many: boolean;
  /** It has had a value. */
  readonly seen: boolean;
  /** Engine time of that value, µs. */
  readonly t: number | null;
  /** Exact amounts are integers in the decimals of the instrument, lists typed arrays. */
  readonly values: Readonly<Record<string, unknown>> | null;
}
/** One node for one key. */
export interface InstanceView {
  readonly node: string;
  readonly type: string;
  /** Name of the instrument; '' on unkeyed nodes and ports. */
  readonly key: string;
  /** Plain data; null for sources and sinks. */
  readonly state: unknown;
  readonly quarantined: boolean;
  readonly ports: readonly PortView[];
  readonly timers: readonly { readonly tag: number; readonly due: number }[];
}
/** What every node held behind a cycle. */
export interface MomentView {
  readonly cycle: number;
  /** Engine time, µs. */
  readonly t: number;
  readonly events: number;
  /** Hash of the graph that ran. */
  readonly graph: string;
  /** Last input of each source. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly nodes: readonly InstanceView[];
}
export interface Emission {
  readonly node: string;
  readonly port: string;
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>>;
}
/** One cycle: what began it, who ran, what was said. */
export interface CycleView {
  readonly cycle: number;
  readonly t: number;
  readonly graph: string;
  /** The input, timer or delivery that it has its name from: source or node or port, and the number there. */
  readonly cause: { readonly source: string; readonly seq: number };
  readonly kind: 'input' | 'timer' | 'delivery';
  /** In order of execution. */
  readonly ran: readonly { readonly node: string; readonly key: string }[];
  readonly emitted: readonly Emission[];
}

export interface Which {
  readonly node?: string;
  /** Name of an instrument; '' = unkeyed. */
  readonly key?: string;
}

/** @param snapshot of the engine behind the cycle */
export function instancesOf(snapshot: Snapshot, plan: Plan, { node, key }: Which): InstanceView[] {
  const wanted = (n: string, k: string) => (node === undefined || n === node) && (key === undefined || k === key);
  const portsOf = (id: string) => plan.nodes.find((n) => n.id === id)?.outs ?? [];
  const ports = (id: string, slots: Snapshot['entries']): PortView[] =>
    portsOf(id).map(({ port, many, successive }): PortView => {
      const slot = slots.find((s) => s.port === port);
      const seen = slot?.seen === true;
      return {
        port,
        many: many || successive,
        seen,
        t: seen ? slot.time : null,
        values: seen ? slot.values : null,
      };
    });
  const views: InstanceView[] = snapshot.instances
    .filter((i) => wanted(i.node, i.key))
    .map((i) => ({
      node: i.node,
      type: i.type,
      key: i.key,
      state: plan.nodes.find((n) => n.id === i.node)?.node.type.kind === 'sink' ? null : i.state,
      quarantined: i.quarantined,
      ports: ports(i.node, i.ports),
      timers: snapshot.timers.filter((t) => t.node === i.node && t.key === i.key).map(({ tag, due }) => ({ tag, due })),
    }));
  for (const source of plan.sources) {
    const { id, node: n } = plan.nodes[source]!;
    const own = snapshot.entries.filter((e) => e.node === id);
    for (const k of [...new Set(own.map((e) => e.key))].sort())
      if (wanted(id, k)) {
        const slots = own.filter((e) => e.key === k);
        const named = ports(id, slots).filter((p) => slots.some((s) => s.port === p.port));
        views.push({ node: id, type: n.type.type, key: k, state: null, quarantined: false, ports: named, timers: [] });
      }
  }
  return views;
}

/** The cycle that has just run, with what its taps hold. */
export function cycleOf(engine: Engine, plan: Plan, began: Upcoming | 'input'): CycleView {
  const { core } = engine;
  const { clock, keys } = core;
  const name = (k: number) => (k < 0 ? '' : keys.at(k).name);
  const fired = (i: Instance) =>
    began !== 'input' && began.kind === 'timer' && began.node === i.plan.index && began.key === (i.key?.index ?? -1);
  return {
    cycle: engine.cycles,
    t: clock.now,
    graph: plan.pipeline.hash,
    cause: { source: clock.causes[clock.cause]!, seq: clock.seq },
    kind: began === 'input' ? 'input' : began.kind,
    ran: [...core.instances()]
      .filter((i) => fired(i) || i.woken(clock.n))
      .map((i) => ({ node: i.plan.id, key: i.key?.name ?? '' })),
    emitted: engine.taps.flatMap((tap) => Array.from({ length: tap.n }, (_, i) => emission(tap, i, name))),
  };
}
const emission = (tap: Tap, i: number, name: (k: number) => string): Emission => ({
  node: tap.node,
  port: tap.port,
  key: name(tap.key(i)),
  values: tapRow(tap, i),
});
