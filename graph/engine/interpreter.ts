import type { StepNode } from '../node.ts';
import type { Program } from '../plan/plan.ts';
import type { Block } from '../schema/index.ts';
import type { Core } from './core.ts';
import type { Arrival, Cycles, OnFeedback } from './cycles.ts';
import type { Instance } from './instance.ts';
import { askAndStep, isWaiting, type Waiting } from './waiting.ts';

/** Walks the programs as they are. Slower than the generated plan and easy to read: the reference for it. */
export class Interpreter implements Cycles {
  readonly #core: Core;
  readonly #onFeedback: OnFeedback;
  readonly #emissions = new Map<string, Program>();
  readonly #arrivals = new Map<Arrival, Program>();
  readonly #activations: (Program | undefined)[] = [];
  /** Plan node that is running: the engine reads it to say where an error came from. */
  running = -1;
  runningKey = -1;

  constructor(core: Core, onFeedback: OnFeedback) {
    this.#core = core;
    this.#onFeedback = onFeedback;
  }

  block(source: number, block: Block, from: number, limit: number): number {
    const programs = block.ports.map((_, out) => this.#emission(source, out, false));
    for (let i = from; i < block.n; i++) {
      if (!this.#enter(source, block, i, limit)) return i;
      this.#run(programs[block.port[i]!]!, block.key[i]!, -1);
    }
    return block.n;
  }
  *waitBlock(source: number, block: Block, from: number, limit: number): Waiting<number> {
    const programs = block.ports.map((_, out) => this.#emission(source, out, false));
    for (let i = from; i < block.n; i++) {
      if (!this.#enter(source, block, i, limit)) return i;
      yield* this.#waitRun(programs[block.port[i]!]!, block.key[i]!, -1);
    }
    return block.n;
  }
  /** Begins the cycle of row `i`, unless something else comes first. */
  #enter(source: number, block: Block, i: number, limit: number): boolean {
    const { clock } = this.#core;
    const t = block.t[i]!;
    if (t >= limit || t >= clock.due || clock.urgent) return false;
    if (t > clock.now) clock.now = t;
    clock.cause = this.#core.plan.nodes[source]!.ordinal;
    clock.seq = block.seq0 + i;
    clock.n++;
    const out = block.port[i]!;
    const k = block.key[i]!;
    this.running = source;
    this.runningKey = k;
    if (k >= 0) this.#core.enliven(k);
    this.#core.loader(source, out, k).load(block.ports[out]!.columns, block.row[i]!);
    return true;
  }
  deliver(node: number, out: number, key: number): void {
    this.#run(this.#emission(node, out, true), key, -1);
  }
  waitDeliver(node: number, out: number, key: number): Waiting<void> {
    return this.#waitRun(this.#emission(node, out, true), key, -1);
  }
  fire(node: number, key: number, tag: number): void {
    const i = this.#core.instance(node, key)!;
    if (i.quarantined) return;
    this.running = node;
    this.runningKey = key;
    i.ctx.timer = tag;
    call(i);
    i.ctx.timer = 0;
    this.#run(this.#activation(node), key, node);
  }
  *waitFire(node: number, key: number, tag: number): Waiting<void> {
    const i = this.#core.instance(node, key)!;
    if (i.quarantined) return;
    this.running = node;
    this.runningKey = key;
    i.ctx.timer = tag;
    if (isWaiting(i)) yield* askAndStep(i);
    else call(i);
    i.ctx.timer = 0;
    yield* this.#waitRun(this.#activation(node), key, node);
  }
  remote(arrival: Arrival, key: number): void {
    let program = this.#arrivals.get(arrival);
    if (!program) {
      program = this.#core.plan.arrival(arrival.ports, arrival.all);
      this.#arrivals.set(arrival, program);
    }
    this.#run(program, key, -1);
  }
  end(node: number, key: number): void {
    if (this.#end(node, key)) this.#run(this.#activation(node), key, node);
  }
  *waitEnd(node: number, key: number): Waiting<void> {
    if (this.#end(node, key)) yield* this.#waitRun(this.#activation(node), key, node);
  }
  #end(node: number, key: number): boolean {
    const i = this.#core.instance(node, key)!;
    const type = i.plan.node.type;
    if (type.kind !== 'step' || !type.end || i.quarantined) return false;
    this.running = node;
    this.runningKey = key;
    (type as StepNode).end!(i.state, i.config as never, i.emit as never, i.ctx);
    return true;
  }

  #run(program: Program, key: number, done: number): void {
    const { single, keyed, live, clock } = this.#core;
    const n = clock.n;
    for (const { node, mode } of program.steps) {
      if (node === done) continue;
      this.running = node;
      if (mode === 'none') this.#step(single[node]!, n, -1);
      else if (mode === 'one') this.#step(keyed[node]![key]!, n, key);
      else for (const k of live) this.#step(keyed[node]![k]!, n, k);
    }
    this.#sendBack(program, key);
  }
  *#waitRun(program: Program, key: number, done: number): Waiting<void> {
    const { single, keyed, live, clock } = this.#core;
    for (const { node, mode } of program.steps) {
      if (node === done) continue;
      this.running = node;
      const keys = mode === 'one' ? [key] : mode === 'all' ? live : [-1];
      for (const k of keys) {
        const i = mode === 'none' ? single[node]! : keyed[node]![k]!;
        if (!isWaiting(i)) this.#step(i, clock.n, k);
        else if (i.woken(clock.n)) {
          this.runningKey = k;
          yield* askAndStep(i);
        }
      }
    }
    this.#sendBack(program, key);
  }
  #sendBack(program: Program, key: number): void {
    const { single, live, clock } = this.#core;
    for (const f of program.feedback) {
      const ks = single[f.node] ? [-1] : f.all ? live : [key];
      for (const k of ks)
        if (this.#core.instance(f.node, k)!.ports[f.out]!.slot.stamp === clock.n) this.#onFeedback(f.node, f.out, k);
    }
  }
  #step(i: Instance, n: number, key: number): void {
    if (!i.woken(n)) return;
    this.runningKey = key;
    call(i);
  }
  #emission(node: number, out: number, deferred: boolean): Program {
    const id = `${node}.${out}.${deferred}`;
    let program = this.#emissions.get(id);
    if (!program) {
      program = this.#core.plan.emission(node, out, deferred);
      this.#emissions.set(id, program);
    }
    return program;
  }
  #activation(node: number): Program {
    this.#activations[node] ??= this.#core.plan.activation(node);
    return this.#activations[node]!;
  }
}

function call(i: Instance): void {
  i.runs++;
  const { type } = i;
  if (type.kind === 'step')
    (type as StepNode).step(i.state, i.tick as never, i.config as never, i.emit as never, i.ctx);
  else if (i.sink) i.sink.write(i.tick as never, i.ctx);
  else i.rx?.run(i.tick);
}
