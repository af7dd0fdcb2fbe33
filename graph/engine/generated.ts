import type { Program } from '../plan/plan.ts';
import type { Block } from '../schema/index.ts';
import type { Core } from './core.ts';
import type { Arrival, Cycles, OnFeedback } from './cycles.ts';
import { Instance } from './instance.ts';
import { QuietStretches } from './quiet.ts';
import { askAndStep, type Waiting } from './waiting.ts';

type ProgramFn = (key: number, n: number) => void;
type BlockFn = (block: Block, from: number, limit: number) => number;
type WaitingProgramFn = (key: number, n: number) => Waiting<void>;
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
  readonly #quiet: QuietStretches[] = [];

  constructor(core: Core, onFeedback: OnFeedback, count = false) {
    this.#core = core;
    this.#onFeedback = onFeedback;
    this.#count = count;
  }

  /** Rows that had no cycle of their own, as nothing would have come of it. */
  get quietRows(): number {
    return this.#quiet.reduce((sum, q) => sum + q.rows, 0);
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
    (this.#delivery(node, out).run as ProgramFn)(key, this.#core.clock.n);
  }
  waitDeliver(node: number, out: number, key: number): Waiting<void> {
    return this.#wait(this.#delivery(node, out), key);
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
    (this.#after(node).run as ProgramFn)(key, this.#core.clock.n);
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
    yield* this.#wait(this.#after(node), key);
  }
  remote(arrival: Arrival, key: number): void {
    let program = this.#arrivals.get(arrival);
    if (!program) {
      program = this.#compile(this.#core.plan.arrival(arrival.ports, arrival.all));
      this.#arrivals.set(arrival, program);
    }
    (program.run as ProgramFn)(key, this.#core.clock.n);
  }
  end(node: number, key: number): void {
    if (this.#end(node, key)) (this.#after(node).run as ProgramFn)(key, this.#core.clock.n);
  }
  *waitEnd(node: number, key: number): Waiting<void> {
    if (this.#end(node, key)) yield* this.#wait(this.#after(node), key);
  }
  #end(node: number, key: number): boolean {
    const i = this.#core.instance(node, key)!;
    const type = i.plan.node.type;
    if (type.kind !== 'step' || !type.end || i.quarantined) return false;
    type.end(i.state, i.config as never, i.emit as never, i.ctx);
    return true;
  }
  #after(node: number): Compiled {
    // The node itself has run.
    return this.#program(`a${node}`, () => {
      const { steps, feedback } = this.#core.plan.activation(node);
      return { steps: steps.filter((s) => s.node !== node), feedback };
    });
  }
  *#wait(program: Compiled, key: number): Waiting<void> {
    const { n } = this.#core.clock;
    if (program.waits) yield* program.run(key, n);
    else program.run(key, n);
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
      return `case ${out}: (L${out}[k] ?? loader(${out}, k)).load(ports[${out}].columns, row[i]);${empty ? '' : ` ${p.waits ? 'yield* ' : ''}p${out}(k, n);`} break;`;
    });
    // Counted runs are runs.
    const quiet = block.ports.map((_, out) => (this.#count ? undefined : QuietStretches.of(core, source, out)));
    for (const q of quiet) if (q) this.#quiet.push(q);
    const quietCase = (q: QuietStretches | undefined, out: number) => (q ? `case ${out}: q = quiet${out}; break;` : '');
    const lookText = `
           if (i >= next) {
             let q = null;
             switch (port[i]) { ${quiet.map(quietCase).join(' ')} }
             if (q === null) next = i + 1;
             else {
               if (q !== last) { q.begin(i); last = q; }
               const stop = q.run(block, i, limit);
               next = q.next;
               if (stop > i) { i = stop - 1; continue; }
             }
           }`;
    const isQuiet = quiet.some((q) => q !== undefined);
    const make = new Function(
      'core',
      'clock',
      'programs',
      'L',
      'isLive',
      'loader',
      'quiet',
      ownText(`'use strict';
       ${programs.map((_, out) => `const p${out} = programs[${out}], L${out} = L[${out}], quiet${out} = quiet[${out}];`).join('\n')}
       return function${waits ? '*' : ''} runBlock(block, from, limit) {
         const { t: times, key: keys, row, port, ports, n: end, seq0 } = block;
         clock.cause = ${core.plan.nodes[source]!.ordinal};
         ${isQuiet ? 'let next = end - from < 4 ? end : from, last = null;' : ''}
         for (let i = from; i < end; i++) {
           const t = times[i];
           if (t >= limit || t >= clock.due || clock.urgent) return i;${isQuiet ? lookText : ''}
           if (t > clock.now) clock.now = t;
           clock.seq = seq0 + i;
           const n = ++clock.n;
           const k = keys[i];
           if (k >= 0 && isLive[k] !== true) core.enliven(k);
           switch (port[i]) { ${cases.join('\n')} }
         }
         return end;
       }`),
    );
    const loader = (out: number, k: number) => core.loader(source, out, k);
    const run: unknown = make(
      core,
      core.clock,
      programs.map((p) => p.run),
      core.loaders[source],
      core.isLive,
      loader,
      quiet,
    );
    return { waits, run } as CompiledBlock;
  }

  /** A program in pieces that call each other in turn: see PIECE. */
  #compile(program: Program): Compiled {
    const core = this.#core;
    const waits = this.#waits(program);
    const bound = new Bound(core, this.#onFeedback);
    const star = waits ? '*' : '';
    const bodies: string[][] = [[]];
    let room = PIECE;
    for (const step of program.steps) {
      const size = step.mode === 'none' ? 1 : 0;
      if (size > room) {
        bodies.push([]);
        room = PIECE;
      }
      room -= size;
      bodies.at(-1)!.push(this.#stepText(step, bound));
    }
    for (const port of program.feedback) bodies.at(-1)!.push(feedbackText(core, port, bound));
    const pieces = bodies.map((body, i) => `function${star} piece${i}(k, n) {\n${body.join('\n')}\n}`);
    const calls = pieces.map((_, i) => `${waits ? 'yield* ' : ''}piece${i}(k, n);`).join(' ');
    const whole = pieces.length === 1 ? 'return piece0;' : `return function${star} program(k, n) { ${calls} };`;
    const text = `'use strict';\n${bound.text}\n${pieces.join('\n')}\n${whole}`;
    return { waits, run: new Function('bound', ownText(text))(bound.values) as never };
  }

  #stepText({ node, mode }: Program['steps'][number], bound: Bound): string {
    const { core } = bound;
    const plan = core.plan.nodes[node]!;
    const type = plan.node.type;
    // At least as many as the instance listens to: in-ports that share a slot count once, lists each have their own view.
    const waking = new Set(
      plan.inputs.filter((i) => !i.passive).map((i) => (i.list ? i.port : `${i.from}.${i.out}.${i.pick}`)),
    ).size;
    const call =
      type.kind === 'step'
        ? `${bound.as(`step${node}`, type.step)}(i.state, i.tick, i.config, i.emit, i.ctx)`
        : type.kind === 'sink'
          ? 'i.sink.write(i.tick, i.ctx)'
          : type.kind === 'async'
            ? `yield* ${bound.as('askAndStep', askAndStep)}(i)`
            : 'i.rx.run(i.tick)';
    const counted = this.#count ? `{ i.runs++; ${call}; }` : `${call};`;
    const guarded = `if (${Instance.wokenText(waking)}) ${counted}`;
    if (mode === 'none') return `{ const i = ${bound.as(`I${node}`, core.single[node])}; ${guarded} }`;
    const list = bound.as(`I${node}`, core.keyed[node]);
    if (mode === 'one') return `{ const i = ${list}[k]; ${guarded} }`;
    return `for (const j of core.live) { const i = ${list}[j]; ${guarded} }`;
  }
}

/**
 * Unkeyed nodes in one generated function. V8 inlines what a function calls only up to a budget of some 900 bytes of bytecode, which
 * about five steps with their emissions use up: in one long function all others would stay calls. Of a keyed node the
 * instance is another each time, so that inlining its step gains nothing.
 */
const PIECE = 5;

/**
 * The same text once more would be the same function to V8, with other objects: then none of them is known any longer. So each
 * text gets a number, for processes that compile a plan twice: a parity check, a reload, a search.
 */
let texts = 0;
const ownText = (text: string): string => `${text}\n// ${++texts}`;

/** What generated code refers to, as constants of its own: V8 takes those for known objects, parameters not. */
class Bound {
  readonly core: Core;
  readonly values: unknown[];
  readonly #names: string[];
  constructor(core: Core, onFeedback: OnFeedback) {
    this.core = core;
    this.values = [core, onFeedback];
    this.#names = ['core', 'onFeedback'];
  }
  as(name: string, value: unknown): string {
    if (!this.#names.includes(name)) {
      this.#names.push(name);
      this.values.push(value);
    }
    return name;
  }
  get text(): string {
    return this.#names.map((name, i) => `const ${name} = bound[${i}];`).join(' ');
  }
}

function feedbackText(core: Core, { node, out, all }: Program['feedback'][number], bound: Bound): string {
  const written = (instance: string) => `${instance}.ports[${out}].slot.stamp === n`;
  if (core.single[node])
    return `if (${written(bound.as(`I${node}`, core.single[node]))}) onFeedback(${node}, ${out}, -1);`;
  const list = bound.as(`I${node}`, core.keyed[node]);
  return all
    ? `for (const j of core.live) if (${written(`${list}[j]`)}) onFeedback(${node}, ${out}, j);`
    : `if (${written(`${list}[k]`)}) onFeedback(${node}, ${out}, k);`;
}
