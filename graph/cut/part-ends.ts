import type { Held } from '../bus/bus.ts';
import type { CommitMark, Env, Gateway, InPorts, Sink, SourceNode } from '../node.ts';
import type { PlanNode } from '../plan/plan.ts';
import { adaptReader } from '../runner/adapt-reader.ts';
import { NOWHERE } from '../runner/ends.ts';
import type { BlockReader } from '../schema/index.ts';
import type { OpenGateway } from './live-ends.ts';
import type { PartMachine } from './part-machine.ts';
import type { PartOptions } from './part-options.ts';

/** Where a part meets the world: its sources, its sinks, and the gateways that its commands leave through. */
export class PartEnds {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #gateways: OpenGateway[] = [];
  readonly #sinks: { node: PlanNode; sink: Sink<never> }[] = [];

  constructor(o: PartOptions, machine: PartMachine) {
    this.#o = o;
    this.#machine = machine;
  }

  /**
   * A gateway is open where its source runs: commands wait for that one, and do not hold a place where they cannot leave.
   * @throws CHM522 when the signal ends the waiting
   */
  async waitForGateways(): Promise<void> {
    const { part, live, signal } = this.#o;
    for (const { node } of part.nodes)
      if (live && node.gateway && node.type.kind === 'sink')
        this.#gateways.push(await live.ends.gateway(node.gateway.id, signal));
  }
  /** Opens sources and sinks. @param ourTurn returns when the next source may be opened */
  async open(ourTurn: () => Promise<void>): Promise<void> {
    const { inputs = [], dir, seed = 1, access, live } = this.#o;
    const { plan, own, keys, sources, engine } = this.#machine;
    const env = (node: PlanNode): Env => ({
      keys,
      inputs,
      dir,
      pipeline: plan.pipeline.name,
      node: node.id,
      seed,
      ...(live ? { clock: live.clock } : {}),
      ...(access ? { access } : {}),
    });
    for (const node of plan.nodes) {
      const { type } = node.node;
      if (!own.has(node.id)) continue;
      if (type.kind === 'source') {
        await ourTurn();
        sources.add(node, live?.ends.source(node.id) ?? adaptReader(await this.#openSource(node, env), node));
      } else if (type.kind === 'sink') {
        const wiring = { inputs: Object.fromEntries(node.node.inputs.map((e) => [e.port, e.schema])) };
        let sink: Sink<never>;
        if (node.node.gateway) {
          sink = (this.#gateways.find((g) => g.id === node.node.gateway!.id)?.sink ?? NOWHERE) as Sink<never>;
          sink.rollback();
        } else sink = (await type.open(node.node.config as never, env(node), wiring)) as Sink<never>;
        this.#sinks.push({ node, sink });
        engine.core.single[node.index]!.sink = sink;
      }
    }
  }
  async #openSource(node: PlanNode, env: (node: PlanNode) => Env): Promise<BlockReader> {
    const { readers, live } = this.#o;
    const { type, gateway, config } = node.node;
    const given = readers?.[node.id];
    if (given) return given(this.#machine.keys);
    if (!gateway) return (type as SourceNode).open(config as never, env(node));
    const both = (await gateway.type.open(config as never, env(node))) as Gateway<InPorts>;
    live?.ends.opened(gateway.id, both);
    return both.reader;
  }
  /** Between a live source and its part stands its journal, once all instruments are known. */
  journal(): void {
    const { live } = this.#o;
    if (!live) return;
    for (const h of this.#machine.sources.heads) {
      const { id } = h.node;
      h.reader = live.ends.source(id) ?? live.wrap(id, h.reader, this.#machine.keys);
      live.ends.keep(id, h.reader);
    }
  }

  /** Commands leave, once what led to them is durable and nobody else can have taken the part. */
  letOut(held: Held): void {
    for (const g of this.#gateways) {
      if (!g.started || !(g.sink.pending?.() ?? true)) continue;
      held.check();
      this.#o.live!.sync();
      g.sink.flush();
    }
  }
  /** Commands of an earlier life wait for a gateway to be there. */
  get isGatewayAwaited(): boolean {
    return this.#gateways.some((g) => !g.started);
  }
  /** A gateway was closed: its source belongs to somebody else now. */
  get isGatewayClosed(): boolean {
    return this.#gateways.some((g) => g.closed);
  }
  async commit(mark: CommitMark): Promise<void> {
    // A gateway says for good what its reports have told: those have to be there.
    if (this.#gateways.length > 0) this.#o.live!.sync();
    for (const { sink } of this.#sinks) await sink.commit(mark);
  }

  /** Lets go of live sources: another process holds the part from now on. */
  async letGo(): Promise<void> {
    await this.#o.live?.ends.drop(this.#machine.sourceIds);
  }
  /** Closes what does not outlive this life of the part. */
  async close(): Promise<void> {
    const { live } = this.#o;
    for (const h of this.#machine.sources.heads)
      if (!live) await h.reader.close();
      else if (live.ends.source(h.node.id) !== h.reader) {
        // It did not come so far as to be kept.
        await h.reader.close();
        await live.ends.drop([h.node.id]);
      }
    for (const { node, sink } of this.#sinks) if (!node.node.gateway) await sink.close();
  }
}
