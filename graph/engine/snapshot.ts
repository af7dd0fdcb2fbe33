import { decode, encode } from '../codec/index.ts';
import { specOf } from '../document/spec.ts';
import type { AnyAsync, Counter, RunNode, StepNode } from '../node.ts';
import type { PlanNode } from '../plan/plan.ts';
import { ChimeraError, type Schema, Vec } from '../schema/index.ts';
import type { Core, Entry } from './core.ts';
import type { Delivered, Feedback } from './feedback.ts';
import type { Instance } from './instance.ts';
import type { PortSpec } from './port.ts';
import { type Fielded, ManySlot, type PooledSlot } from './slot.ts';
import type { Stamp } from './stamp.ts';

/** Everything that the future of an engine depends on, as plain data. Names, not indices: a changed graph can still read it. */
export interface Snapshot {
  format: 2;
  graph: string;
  now: number;
  cycles: number;
  keys: { name: string; pxDigits: number; qtyDigits: number }[];
  live: string[];
  counters: Record<Counter, number>;
  fired: Record<string, number>;
  instances: InstanceSnapshot[];
  entries: SlotSnapshot[];
  deliveries: SlotSnapshot[];
  timers: {
    node: string;
    key: string;
    tag: number;
    due: number;
    generation: number;
    inputSource: number;
    inputSeq: number;
  }[];
  feedback: {
    due: number;
    node: string;
    port: string;
    key: string;
    rows: Record<string, unknown>[];
    stamp: Stamp;
  }[];
}
/** Rx nodes whose time operators hold something back: a run cannot go on from this snapshot as if nothing had happened. */
export const heldBack = (s: Snapshot): string[] => [
  ...new Set(s.instances.filter((i) => i.pending).map((i) => i.node)),
];

interface InstanceSnapshot {
  node: string;
  key: string;
  type: string;
  version: number;
  /** Configuration and input schemas, as text: with type and version all that the meaning of the state depends on. */
  spec: string;
  quarantined: boolean;
  /** An rx node with timers of its own still running. */
  pending: boolean;
  state: unknown;
  ports: SlotSnapshot[];
}
interface SlotSnapshot {
  node: string;
  port: string;
  key: string;
  seen: boolean;
  time: number;
  values: Record<string, unknown>;
  /** By field; those that have a value. */
  picks: Record<string, { value: number; time: number }>;
}

const keyName = (core: Core, k: number): string => (k < 0 ? '' : core.keys.at(k).name);
const keyIndex = (core: Core, name: string): number => (name === '' ? -1 : core.keys.find(name)!.index);

/**
 * Holds everything as it is now; what is returned reads it back when it is first asked, which most snapshots never are.
 * @param only this node's part alone: to be looked at, not to be restored
 * @param retired what the causes of a graph before this one have begun: should they come back, their numbers go on
 */
export function holdSnapshot(
  core: Core,
  feedback: Feedback,
  fired: readonly number[],
  cycles: number,
  retired: Readonly<Record<string, number>>,
  only?: string,
): () => Snapshot {
  const wanted = (n: PlanNode) => only === undefined || n.id === only;
  const snapshot: Snapshot = {
    format: 2,
    graph: core.plan.pipeline.hash,
    now: core.clock.now,
    cycles,
    keys: core.keys.list.map(({ name, pxDigits, qtyDigits }) => ({ name, pxDigits, qtyDigits })),
    live: core.live.map((k) => keyName(core, k)),
    counters: core.counters,
    fired: {
      ...retired,
      ...Object.fromEntries(core.plan.causes.flatMap((name, i) => (fired[i]! > 0 ? [[name, fired[i]!]] : []))),
    },
    instances: [...core.instances()].filter((i) => wanted(i.plan)).map((i) => saveInstance(i)),
    entries: [...saveEntries(core, core.entries, wanted)],
    deliveries: [...saveEntries(core, core.deliveries, wanted)],
    timers: core.timers.armed
      .sort((a, b) => a.creation - b.creation)
      .map(({ node, key, tag, due, generation, inputSource, inputSeq }) => ({
        node: core.plan.nodes[node]!.id,
        key: keyName(core, key),
        tag,
        due,
        generation,
        inputSource,
        inputSeq,
      })),
    feedback: feedback.all
      .filter((d) => wanted(core.plan.nodes[d.node]!))
      .map((d) => ({
        due: d.due,
        node: core.plan.nodes[d.node]!.id,
        port: core.plan.nodes[d.node]!.outs[d.out]!.port,
        key: keyName(core, d.key),
        stamp: { ...d.stamp, path: [...d.stamp.path] },
        rows: d.rows.map((r) =>
          Object.fromEntries(
            Object.entries(r).map(([k, v]) => [k, v instanceof Vec ? v.data.slice(v.start, v.end) : v]),
          ),
        ),
      })),
  };
  // Through the codec: a copy that later cycles cannot reach, and proof that every state can be written.
  const bytes = encode(snapshot);
  let taken: Snapshot | undefined;
  return () => {
    taken ??= decode(bytes) as Snapshot;
    return taken;
  };
}

function saveInstance(i: Instance): InstanceSnapshot {
  return {
    node: i.plan.id,
    key: i.key?.name ?? '',
    type: i.plan.node.type.type,
    version: i.plan.node.type.version,
    spec: specOf(i.plan.node),
    quarantined: i.quarantined,
    pending: i.rx?.pending ?? false,
    state: i.rx ? saveRx(i) : i.state,
    ports: i.ports.flatMap((p, out) =>
      p.slot instanceof ManySlot ? [] : [saveSlot(i.plan, out, { port: p, key: i.key, write: () => {} })],
    ),
  };
}
function saveRx(i: Instance): unknown {
  if (!i.rx!.portable)
    throw new ChimeraError('CHM501', `rx node ${i.plan.id} keeps state that a checkpoint cannot carry`, {
      node: i.plan.id,
      help: 'return snapshot() and restore() from rx, or stateless: true when there is nothing to keep',
    });
  return i.rx!.snapshot();
}
function* saveEntries(core: Core, store: Entry[][][], wanted: (n: PlanNode) => boolean): Generator<SlotSnapshot> {
  for (const n of core.plan.nodes.filter(wanted))
    for (let out = 0; out < n.outs.length; out++)
      for (const entry of store[n.index]![out]!)
        if (entry && !(entry.port.slot instanceof ManySlot)) yield saveSlot(n, out, entry);
}
function saveSlot(n: PlanNode, out: number, entry: Entry): SlotSnapshot {
  const slot = entry.port.slot as Fielded;
  return {
    node: n.id,
    port: n.outs[out]!.port,
    key: entry.key?.name ?? '',
    seen: slot.seen,
    time: slot.time,
    values: slot.seen ? plainFields(n.outs[out]!.schema, slot) : {},
    picks: Object.fromEntries(
      n.outs[out]!.picks.flatMap(({ field }, p) => {
        const pick = entry.port.picks[p]!;
        return pick.seen ? [[field, { value: pick['value'] as number, time: pick.time }]] : [];
      }),
    ),
  };
}
const plainFields = (schema: Schema, r: Fielded): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(schema.fields).map((f) => {
      const v = r[f];
      return [f, v instanceof Vec ? v.data.slice(v.start, v.end) : v];
    }),
  );

/** @returns how many cycles each cause has begun */
export function restoreSnapshot(core: Core, feedback: Feedback, s: Snapshot): number[] {
  if (s.format !== 2) throw new ChimeraError('CHM742', `snapshot has the unknown format ${s.format}`);
  s.keys.forEach((k, i) => {
    // States may hold key indices, so a run that goes on must number its keys as the one before it did.
    if (core.keys.declare(k.name, k.pxDigits, k.qtyDigits).index !== i)
      throw new ChimeraError('CHM745', `instrument ${k.name} had the number ${i} when the snapshot was taken`, {
        help: 'resume with the inputs of the first start in the same order, or start the run anew in an empty folder',
      });
  });
  core.clock.now = s.now;
  core.clock.n++;
  Object.assign(core.counters, s.counters);
  for (const t of core.timers.armed) t.armed = false;
  core.clear();
  for (const name of s.live) core.enliven(keyIndex(core, name));
  const byId = new Map(core.plan.nodes.map((n) => [n.id, n]));
  // Cold first: an instance that the snapshot does not know starts as new.
  for (const i of core.instances()) {
    i.revive();
    i.ctx.timer = 0;
    core.initialise(i);
    for (const { slot, picks } of i.ports) forget(slot, picks);
  }
  const kept = new Set<Instance>();
  const instanceOf = (node: string, key: string): Instance | undefined => {
    const n = byId.get(node);
    // A node that was one and is a basket now, or the other way round, is another node.
    return n && n.keyed === (key !== '') ? core.instance(n.index, keyIndex(core, key)) : undefined;
  };
  for (const saved of s.instances) {
    const i = instanceOf(saved.node, saved.key);
    if (i && loadInstance(i, saved)) kept.add(i);
  }
  for (const [list, deferred] of [
    [s.entries, false],
    [s.deliveries, true],
  ] as const)
    for (const saved of list) {
      const n = byId.get(saved.node);
      const out = n ? n.outs.findIndex((o) => o.port === saved.port) : -1;
      if (!n || out < 0) continue;
      const k = keyIndex(core, saved.key);
      if (!deferred) core.loader(n.index, out, Math.max(k, 0));
      const entry = deferred ? core.delivery(n.index, out, k) : core.entries[n.index]![out]![Math.max(k, 0)]!;
      loadSlot(n.outs[out]!, entry.port.slot, entry.port.picks, saved);
    }
  for (const t of s.timers) {
    const i = instanceOf(t.node, t.key);
    if (i && kept.has(i)) i.ctx.rearm(t.tag, t.due, t.generation, t.inputSource, t.inputSeq);
  }
  feedback.all = s.feedback.flatMap((f): Delivered[] => {
    const n = byId.get(f.node);
    const out = n ? n.outs.findIndex((o) => o.port === f.port) : -1;
    if (!n || out < 0) return [];
    // What another part sent may be for a key that is not alive here yet.
    const i = instanceOf(f.node, f.key);
    if (n.node.type.kind !== 'remote' && !(i && kept.has(i))) return [];
    const rows = f.rows.map((r) =>
      Object.fromEntries(Object.entries(r).map(([k, v]) => [k, v instanceof Float64Array ? new Vec(v) : v])),
    );
    return [{ due: f.due, round: 0, node: n.index, out, key: keyIndex(core, f.key), rows, stamp: f.stamp }];
  });
  return core.plan.causes.map((name) => s.fired[name] ?? 0);
}

/** @returns whether the state was kept; otherwise the instance stays cold */
function loadInstance(i: Instance, saved: InstanceSnapshot): boolean {
  const type: RunNode = i.plan.node.type;
  if (saved.type !== type.type || saved.spec !== specOf(i.plan.node)) return false;
  if (saved.version !== type.version) {
    if ((type.kind !== 'step' && type.kind !== 'async') || !type.migrate) return false;
    i.state = (type as StepNode | AnyAsync).migrate!(saved.state, saved.version);
  } else if (i.rx) i.rx.restore(saved.state);
  else i.state = copyState(saved.state);
  for (const p of saved.ports) {
    const out = i.plan.outs.findIndex((o) => o.port === p.port);
    if (out >= 0) loadSlot(i.plan.outs[out]!, i.ports[out]!.slot, i.ports[out]!.picks, p);
  }
  if (saved.quarantined) i.quarantine();
  return true;
}
/** The same snapshot may be restored again. */
const copyState = (state: unknown): unknown => decode(encode(state));

function loadSlot(spec: PortSpec, slot: Fielded | PooledSlot, picks: readonly Fielded[], saved: SlotSnapshot): void {
  forget(slot, picks);
  const names = Object.keys(spec.schema.fields);
  // A record of another layout is no value of this port.
  if (slot instanceof ManySlot || !saved.seen || !names.every((name) => name in saved.values)) return;
  slot.seen = true;
  slot.time = saved.time;
  for (const name of names) {
    const v = saved.values[name];
    slot[name] = v instanceof Float64Array ? new Vec(v.slice()) : v;
  }
  spec.picks.forEach(({ field }, p) => {
    const pick = saved.picks[field];
    if (!pick) return;
    const to = picks[p]!;
    to['value'] = pick.value;
    to.seen = true;
    to.time = pick.time;
  });
}
/** Back to a port that has never had a value. */
export function forget(slot: Fielded | PooledSlot, picks: readonly Fielded[]): void {
  slot.stamp = -1;
  if (!(slot instanceof ManySlot)) slot.seen = false;
  for (const pick of picks) {
    pick.stamp = -1;
    pick.seen = false;
  }
}
