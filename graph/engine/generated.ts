import type { Program } from '../plan/plan.ts';
import type { Block } from '../schema/index.ts';
import type { Core } from './core.ts';
import type { Arrival, Cycles, OnFeedback } from './cycles.ts';
import { Instance } from './instance.ts';
import { askAndStep, type Waiting } from './waiting.ts';

type ProgramFn = (key: number, n: number, done: number) => void;
type BlockFn = (block: Block, from: number, limit: number) => number;
type WaitingProgramFn = (key: number, n: number, done: number) => Waiting<void>;
type WaitingBlockFn = (block: Block, from: number, limit: number) => Waiting<number>;
/** A program that reaches an asynchronous node is a generator; the others of the same plan stay plain functions. */
type CompiledBlock =
  | { readonly waits: false; readonly run: BlockFn }
  | { readonly waits: true; readonly run: WaitingBlockFn };
type Compiled =
  | { readonly waits: false; readonly run: ProgramFn }
  | { readonly waits: true; readonly run: WaitingProgramFn };

/**
 * The plan as straight-line code: each node's `step` is called directly, in order, guarded by its inputs' stamps, so
 * that V8 sees one monomorphic call site per node. Programs are compiled when first needed.
 */
export class GeneratedPlan implements Cycles {
  readonly #core: Core;
  readonly #onFeedback: OnFeedback;
  readonly #count: boolean;
  readonly #blocks: (CompiledBlock | undefined)[] = [];
  readonly #programs = new Map<string, Compiled>();
  readonly #arrivals = new Map<Arrival, Compiled>();

  constructor(core: Core, onFeedback: OnFeedback, count = false) {
    this.#core = core;
    this.#onFeedback = onFeedback;
    this.#count = count;
  }

  block(source: number, block: Block, from: number, limit: number): number {
    this.#blocks[source] ??= this.#compileBlock(source, block);
    return (this.#blocks[source].run as BlockFn)(block, from, limit);
  }
  *waitBlock(source: number, block: Block, from: number, limit: number): Waiting<number> {
    this.#blocks[source] ??= this.#compileBlock(source, block);
    const { waits, run } = this.#blocks[source];
    return waits ? yield* run(block, from, limit) : run(block, from, limit);
  }
  deliver(node: number, out: number, key: number): void {
    (this.#delivery(node, out).run as ProgramFn)(key, this.#core.clock.n, -1);
  }
  waitDeliver(node: number, out: number, key: number): Waiting<void> {
    return this.#wait(this.#delivery(node, out), key, -1);
  }
  #delivery(node: number, out: number): Compiled {
    return this.#program(`d${node}.${out}`, () => this.#core.plan.emission(node, out, true));
  }
  fire(node: number, key: number, tag: number): void {
    const i = this.#core.instance(node, key)!;
    if (i.quarantined) return;
    i.runs++;
    i.ctx.timer = tag;
    const type = i.plan.node.type;
    if (type.kind === 'step') type.step(i.state, i.tick as never, i.config as never, i.emit as never, i.ctx);
    else if (i.sink) i.sink.write(i.tick as never, i.ctx);
    else i.rx?.run(i.tick);
    i.ctx.timer = 0;
    (this.#after(node).run as ProgramFn)(key, this.#core.clock.n, node);
  }
  *waitFire(node: number, key: number, tag: number): Waiting<void> {
    const i = this.#core.instance(node, key)!;
    if (i.quarantined) return;
    i.runs++;
    i.ctx.timer = tag;
    const type = i.plan.node.type;
    if (type.kind === 'async') yield* askAndStep(i);
    else if (type.kind === 'step') type.step(i.state, i.tick as never, i.config as never, i.emit as never, i.ctx);
    else if (i.sink) i.sink.write(i.tick as never, i.ctx);
    else i.rx?.run(i.tick);
    i.ctx.timer = 0;
    yield* this.#wait(this.#after(node), key, node);
  }
  remote(arrival: Arrival, key: number): void {
    let program = this.#arrivals.get(arrival);
    if (!program) {
      program = this.#compile(this.#core.plan.arrival(arrival.ports, arrival.all));
      this.#arrivals.set(arrival, program);
    }
    (program.run as ProgramFn)(key, this.#core.clock.n, -1);
  }
  end(node: number, key: number): void {
    if (this.#end(node, key)) (this.#after(node).run as ProgramFn)(key, this.#core.clock.n, node);
  }
  *waitEnd(node: number, key: number): Waiting<void> {
    if (this.#end(node, key)) yield* this.#wait(this.#after(node), key, node);
  }
  #end(node: number, key: number): boolean {
    const i = this.#core.instance(node, key)!;
    const type = i.plan.node.type;
    if (type.kind !== 'step' || !type.end || i.quarantined) return false;
    type.end(i.state, i.config as never, i.emit as never, i.ctx);
    return true;
  }
  #after(node: number): Compiled {
    return this.#program(`a${node}`, () => this.#core.plan.activation(node));
  }
  *#wait(program: Compiled, key: number, done: number): Waiting<void> {
    const { n } = this.#core.clock;
    if (program.waits) yield* program.run(key, n, done);
    else program.run(key, n, done);
  }
  #waits(program: Program): boolean {
    return program.steps.some(({ node }) => this.#core.plan.nodes[node]!.node.type.kind === 'async');
  }

  #program(id: string, program: () => Program): Compiled {
    let fn = this.#programs.get(id);
    if (!fn) {
      fn = this.#compile(program());
      this.#programs.set(id, fn);
    }
    return fn;
  }

  /** One input's cycle: `load` and then the program of its port, per row. */
  #compileBlock(source: number, block: Block): CompiledBlock {
    const core = this.#core;
    const programs = block.ports.map((_, out) => this.#compile(core.plan.emission(source, out, false)));
    const waits = programs.some((p) => p.waits);
    const cases = programs.map((p, out) => {
      const empty = core.plan.emission(source, out, false).steps.length === 0;
      return `case ${out}: (L${out}[k] ?? loader(${out}, k)).load(ports[${out}].columns, row[i]);${empty ? '' : ` ${p.waits ? 'yield* ' : ''}p${out}(k, n, -1);`} break;`;
    });
    const make = new Function(
      'core',
      'clock',
      'programs',
      'L',
      'isLive',
      'loader',
      `'use strict';
       ${programs.map((_, out) => `const p${out} = programs[${out}], L${out} = L[${out}];`).join('\n')}
       return function${waits ? '*' : ''} runBlock(block, from, limit) {
         const { t: times, key: keys, row, port, ports, n: end, seq0 } = block;
         clock.cause = ${core.plan.nodes[source]!.ordinal};
         for (let i = from; i < end; i++) {
           const t = times[i];
           if (t >= limit || t >= clock.due || clock.urgent) return i;
           if (t > clock.now) clock.now = t;
           clock.seq = seq0 + i;
           const n = ++clock.n;
           const k = keys[i];
           if (k >= 0 && isLive[k] !== true) core.enliven(k);
           switch (port[i]) { ${cases.join('\n')} }
         }
         return end;
       }`,
    );
    const loader = (out: number, k: number) => core.loader(source, out, k);
    const run: unknown = make(
      core,
      core.clock,
      programs.map((p) => p.run),
      core.loaders[source],
      core.isLive,
      loader,
    );
    return { waits, run } as CompiledBlock;
  }

  #compile(program: Program): Compiled {
    const core = this.#core;
    const waits = this.#waits(program);
    const names: string[] = ['core', 'onFeedback'];
    const values: unknown[] = [core, this.#onFeedback];
    const bind = (name: string, value: unknown): string => {
      if (!names.includes(name)) {
        names.push(name);
        values.push(value);
      }
      return name;
    };
    const body: string[] = [];
    for (const { node, mode } of program.steps) {
      const plan = core.plan.nodes[node]!;
      const type = plan.node.type;
      // At least as many as the instance listens to: in-ports that share a slot count once, lists each have their own view.
      const waking = new Set(
        plan.inputs.filter((i) => !i.passive).map((i) => (i.list ? i.port : `${i.from}.${i.out}.${i.pick}`)),
      ).size;
      const call =
        type.kind === 'step'
          ? `${bind(`step${node}`, type.step)}(i.state, i.tick, i.config, i.emit, i.ctx)`
          : type.kind === 'sink'
            ? 'i.sink.write(i.tick, i.ctx)'
            : type.kind === 'async'
              ? `yield* ${bind('askAndStep', askAndStep)}(i)`
              : 'i.rx.run(i.tick)';
      const counted = this.#count ? `{ i.runs++; ${call}; }` : `${call};`;
      const guarded = `if (${Instance.wokenText(waking)}) ${counted}`;
      const skip = `if (done !== ${node})`;
      if (mode === 'none') body.push(`${skip} { const i = ${bind(`I${node}`, core.single[node])}; ${guarded} }`);
      else {
        const list = bind(`I${node}`, core.keyed[node]);
        if (mode === 'one') body.push(`${skip} { const i = ${list}[k]; ${guarded} }`);
        else body.push(`${skip} for (const j of core.live) { const i = ${list}[j]; ${guarded} }`);
      }
    }
    for (const { node, out, all } of program.feedback) {
      const written = (instance: string) => `${instance}.ports[${out}].slot.stamp === n`;
      if (core.single[node])
        body.push(`if (${written(bind(`I${node}`, core.single[node]))}) onFeedback(${node}, ${out}, -1);`);
      else {
        const list = bind(`I${node}`, core.keyed[node]);
        body.push(
          all
            ? `for (const j of core.live) if (${written(`${list}[j]`)}) onFeedback(${node}, ${out}, j);`
            : `if (${written(`${list}[k]`)}) onFeedback(${node}, ${out}, k);`,
        );
      }
    }
    const text = `'use strict'; return function${waits ? '*' : ''} program(k, n, done) {\n${body.join('\n')}\n}`;
    return { waits, run: new Function(...names, text)(...values) as never };
  }
}
