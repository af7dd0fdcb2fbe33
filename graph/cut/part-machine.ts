import { Engine } from '../engine/engine.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { ChimeraError, KeyTable } from '../schema/index.ts';
import { PortExit } from './out-ports.ts';
import type { PartCommit } from './part-commit.ts';
import { PartCycles } from './part-cycles.ts';
import type { PartOptions } from './part-options.ts';
import { partPlan } from './part-plan.ts';
import { PartReceiver } from './part-receiver.ts';
import { PartSender } from './part-sender.ts';
import { PartSources } from './part-sources.ts';
import { Poison } from './poison.ts';

/** What a life of a part runs on, put together: engine and cycles, what feeds them, what takes what they make. */
export class PartMachine {
  readonly plan: Plan;
  /** Ids of the part's nodes; the others of the plan stand in for nodes of other parts. */
  readonly own: ReadonlySet<string>;
  /** Ids of the own sources. */
  readonly sourceIds: readonly string[];
  readonly keys: KeyTable;
  readonly session: string;
  readonly engine: Engine;
  readonly sender: PartSender;
  readonly receiver: PartReceiver;
  readonly sources: PartSources;
  readonly cycles: PartCycles;
  readonly poison: Poison;
  readonly #born: (key: number, stamp: Stamp) => void;

  /** @throws CHM515 nodes that wait for answers */
  constructor(o: PartOptions) {
    const { cut, part, naming, live, session = '' } = o;
    this.sourceIds = part.nodes.filter((n) => n.node.type.kind === 'source').map((n) => n.id);
    const enters = this.sourceIds.length > 0;
    this.keys = live && enters ? live.ends.keys : new KeyTable();
    this.session = session;
    this.plan = partPlan(cut, part);
    this.own = new Set(part.nodes.map((n) => n.id));
    this.engine = new Engine(this.plan, this.keys, {
      mode: o.mode ?? 'generated',
      taps: (o.taps ?? []).filter((t) => this.own.has(t.split('.')[0]!)),
      digests: o.digests ?? false,
      exit: (n, out, tap) => {
        const exit = this.own.has(n.id) ? exitOf(o, n, out) : undefined;
        if (!exit) return tap;
        const { kind } = n.node.type;
        const perKey = kind === 'source' ? n.node.out[n.outs[out]!.port]!.key === 'instrument' : n.keyed;
        return new PortExit(() => this.sender.out, exit.family, exit.port, perKey, tap);
      },
    });
    o.onEngine?.(this.engine);
    if (this.engine.waiting.length > 0)
      throw new ChimeraError('CHM515', `${this.engine.waiting.join(', ')} wait for answers, which a part cannot`, {
        help: 'run the pipeline embedded, without --bus',
      });
    this.sender = new PartSender(cut, part, naming, this.keys, this.engine.core.clock, session);
    const of = { cut, part, plan: this.plan, naming, keys: this.keys, session };
    this.receiver = new PartReceiver(of, o.bus, o.signal);
    this.#born = (key, stamp) => this.cycles.born(key, stamp);
    this.sources = new PartSources(this.engine.core, {
      live: enters ? live : undefined,
      until: o.until,
      ...(part.peers.length > 0 ? { born: this.#born } : {}),
    });
    this.poison = new Poison(part.id, this.receiver.parts, this.plan.declarations);
    this.cycles = new PartCycles(this.engine, [...this.receiver.parts, this.poison.lanes], this.sources.heads);
    this.cycles.goesOn = o.open ?? false;
  }

  /** As `PartReceiver.take`. */
  take(busy: boolean, waitMs: number): Promise<boolean> {
    return this.receiver.take(busy, waitMs, this.#born);
  }

  /** The instruments of a commit, under their old numbers: streams and sources are opened with them. */
  declare(commit: PartCommit): void {
    for (const k of commit.snapshot.keys) this.keys.declare(k.name, k.pxDigits, k.qtyDigits);
  }
  /** Goes on from a commit: engine and cycles. Sources are sought, streams are opened by themselves. */
  restore(commit: PartCommit): void {
    this.engine.restore(commit.snapshot);
    this.engine.core.births = [];
    for (const b of commit.births) this.cycles.born(b.key, b.stamp);
    this.cycles.cycles = commit.cycles;
    this.cycles.inputs = commit.inputs;
    if (commit.session !== this.session) return;
    this.cycles.ended = commit.ended;
    this.cycles.endTime = commit.endTime ?? undefined;
  }
  /** What a commit says of all this. */
  state(): Omit<PartCommit, 'epoch' | 'origin' | 'extra'> {
    const { parts } = this.receiver;
    const poison = this.poison.state();
    return {
      snapshot: this.engine.snapshot(),
      read: Object.fromEntries(parts.flatMap((p) => p.streams.map((s) => [s.name, s.position]))),
      written: Object.fromEntries([...this.sender.out.streams.values()].map((s) => [s.name, s.position])),
      fronts: Object.fromEntries(parts.map((p) => [p.id, { position: p.position, promise: p.promise }])),
      births: this.cycles.births,
      told: this.sender.told,
      offsets: this.sources.offsets,
      endTime: this.cycles.endTime ?? null,
      session: this.session,
      ended: this.cycles.ended,
      cycles: this.cycles.cycles,
      inputs: this.cycles.inputs,
      ...(poison ? { poison } : {}),
    };
  }
}

/** Which stream of which family a port writes into; undefined: it stays in the part. */
function exitOf({ part }: PartOptions, n: PlanNode, out: number): { family: number; port: number } | undefined {
  for (const [family, f] of part.families.entries()) {
    const port = f.ports.findIndex((p) => p.node === n.ordinal && p.out === out);
    if (port >= 0) return { family, port };
  }
  return undefined;
}
