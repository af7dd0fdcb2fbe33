import type { Program } from '../plan/plan.ts';
import type { Block } from '../schema/index.ts';
import type { Core } from './core.ts';
import type { Cycles, OnFeedback } from './cycles.ts';
import { Instance } from './instance.ts';

type ProgramFn = (key: number, n: number, done: number) => void;
type BlockFn = (block: Block, from: number, limit: number) => number;

/**
 * The plan as straight-line code: each node's `step` is called directly, in order, guarded by its inputs' stamps, so
 * that V8 sees one monomorphic call site per node. Programs are compiled when first needed.
 */
export class GeneratedPlan implements Cycles {
  readonly #core: Core;
  readonly #onFeedback: OnFeedback;
  readonly #blocks: (BlockFn | undefined)[] = [];
  readonly #programs = new Map<string, ProgramFn>();

  constructor(core: Core, onFeedback: OnFeedback) {
    this.#core = core;
    this.#onFeedback = onFeedback;
  }

  block(source: number, block: Block, from: number, limit: number): number {
    this.#blocks[source] ??= this.#compileBlock(source, block);
    return this.#blocks[source]!(block, from, limit);
  }
  deliver(node: number, out: number, key: number): void {
    this.#program(`d${node}.${out}`, () => this.#core.plan.emission(node, out, true))(key, this.#core.clock.n, -1);
  }
  fire(node: number, key: number, tag: number): void {
    const i = this.#core.instance(node, key)!;
    if (i.quarantined) return;
    i.ctx.timer = tag;
    const type = i.plan.node.type;
    if (type.kind === 'step') type.step(i.state, i.tick as never, i.config as never, i.emit as never, i.ctx);
    else if (i.sink) i.sink.write(i.tick as never, i.ctx);
    else i.rx?.run(i.tick);
    i.ctx.timer = 0;
    this.#after(node)(key, this.#core.clock.n, node);
  }
  end(node: number, key: number): void {
    const i = this.#core.instance(node, key)!;
    const type = i.plan.node.type;
    if (type.kind !== 'step' || !type.end || i.quarantined) return;
    type.end(i.state, i.config as never, i.emit as never, i.ctx);
    this.#after(node)(key, this.#core.clock.n, node);
  }
  #after(node: number): ProgramFn {
    return this.#program(`a${node}`, () => this.#core.plan.activation(node));
  }

  #program(id: string, program: () => Program): ProgramFn {
    let fn = this.#programs.get(id);
    if (!fn) {
      fn = this.#compile(program());
      this.#programs.set(id, fn);
    }
    return fn;
  }

  /** One input's cycle: `load` and then the program of its port, per row. */
  #compileBlock(source: number, block: Block): BlockFn {
    const core = this.#core;
    const programs = block.ports.map((_, out) => this.#compile(core.plan.emission(source, out, false)));
    const cases = programs.map((_, out) => {
      const empty = core.plan.emission(source, out, false).steps.length === 0;
      return `case ${out}: (L${out}[k] ?? loader(${out}, k)).load(ports[${out}].columns, row[i]);${empty ? '' : ` p${out}(k, n, -1);`} break;`;
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
       return function runBlock(block, from, limit) {
         const { t: times, key: keys, row, port, ports, n: end, seq0 } = block;
         clock.cause = ${source};
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
    return make(core, core.clock, programs, core.loaders[source], core.isLive, loader) as BlockFn;
  }

  #compile(program: Program): ProgramFn {
    const core = this.#core;
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
            : 'i.rx.run(i.tick)';
      const guarded = `if (${Instance.wokenText(waking)}) ${call};`;
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
    return new Function(...names, `'use strict'; return function program(k, n, done) {\n${body.join('\n')}\n}`)(
      ...values,
    ) as ProgramFn;
  }
}
