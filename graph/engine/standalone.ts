import { Observable, type OperatorFunction } from 'rxjs';
import { type AnyNode, type InPorts, inPortsOf, outPortsOf, type StepNode } from '../node.ts';
import type { PlanNode } from '../plan/plan.ts';
import { ChimeraError, KeyTable, type Schema } from '../schema/index.ts';
import { Clock } from './clock.ts';
import { Context, Instance } from './instance.ts';
import { createEmit, createPort, type Port, type PortSpec } from './port.ts';
import { RxRunner } from './rx-runner.ts';
import { copyFields, PooledSlot } from './slot.ts';
import { Timers } from './timers.ts';

/** One input of a standalone node: which in-ports tick at engine time `now` (µs). Lists go to `many` ports. */
export interface StandaloneInput {
  now: number;
  ticks: Readonly<Record<string, Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[]>>;
}
export interface StandaloneOutput {
  now: number;
  port: string;
  values: Record<string, unknown>;
}
export interface StandaloneOptions {
  /** The instance's key and its decimals. */
  key?: { name: string; pxDigits?: number; qtyDigits?: number };
  /** Names of variadic inputs. */
  rest?: readonly string[];
}

/**
 * A node type as a plain RxJS operator: what the engine would emit for the same inputs, in the same order. Each
 * subscription has its own cold state. Timers fire before the first input at or after their time.
 * @throws CHM790 for sources and sinks, which have no inputs or no outputs, and for nodes that wait within their cycle
 */
export function toOperator(
  type: AnyNode,
  config: Record<string, unknown> = {},
  options: StandaloneOptions = {},
): OperatorFunction<StandaloneInput, StandaloneOutput> {
  if (type.kind !== 'step' && type.kind !== 'rx')
    throw new ChimeraError('CHM790', `${type.type} is of kind ${type.kind} and cannot stand as an operator`);
  return (inputs$) =>
    new Observable((subscriber) => {
      const node = new Standalone(type, config, options);
      return inputs$.subscribe({
        next: (input) => {
          for (const out of node.send(input)) subscriber.next(out);
        },
        error: (e) => subscriber.error(e),
        complete: () => {
          for (const out of node.end()) subscriber.next(out);
          subscriber.complete();
        },
      });
    });
}

/** One instance outside any plan, driven input by input. */
class Standalone {
  readonly #clock = new Clock();
  readonly #timers = new Timers([0]);
  readonly #instance: Instance;
  readonly #inputs: Record<string, { emit: Record<string, (v: unknown) => void> }> = {};
  readonly #outs: { port: string; schema: Schema; slot: Port['slot'] }[];

  constructor(type: AnyNode, config: Record<string, unknown>, options: StandaloneOptions) {
    const keys = new KeyTable();
    const key = keys.declare(
      options.key?.name ?? 'usdm:BTCUSDT',
      options.key?.pxDigits ?? 0,
      options.key?.qtyDigits ?? 0,
    );
    const rest = options.rest ?? [];
    const parsed: unknown = type.config.parse(config);
    const fixed = inPortsOf(type) as InPorts;
    const variadic = type.kind === 'step' ? (type as StepNode).ports.rest : undefined;
    const wiring = {
      inputs: Object.fromEntries([
        ...Object.entries(fixed).map(([n, p]) => [n, p.schema]),
        ...rest.map((n) => [n, variadic!.schema]),
      ]),
    };
    const spec = (port: string, schema: Schema, many: boolean): PortSpec => ({
      node: type.type,
      port,
      schema,
      many,
      successive: false,
      keyed: false,
      picks: [],
      any: false,
    });
    const tick: Record<string, unknown> = {};
    const wake: Port['slot'][] = [];
    const restSlots: Port['slot'][] = [];
    for (const [name, p] of [...Object.entries(fixed), ...rest.map((n) => [n, variadic!] as const)]) {
      const port = createPort(spec(name, p.schema, p.many), this.#clock, key, undefined);
      this.#inputs[name] = { emit: createEmit([spec(name, p.schema, p.many)], [port], key, this.#clock, [undefined]) };
      if (rest.includes(name)) restSlots.push(port.slot);
      else tick[name] = port.slot;
      if (!p.passive) wake.push(port.slot);
    }
    tick['rest'] = restSlots;
    const specs = Object.entries(outPortsOf(type, parsed, wiring)).map(([port, o]) =>
      spec(port, o.schema, o.many || o.successive === true),
    );
    const ports = specs.map((s) => createPort(s, this.#clock, key, undefined));
    this.#outs = specs.map((s, o) => ({ port: s.port, schema: s.schema, slot: ports[o]!.slot }));
    this.#clock.causes = [type.type];
    const plan = {
      index: 0,
      id: type.type,
      rank: 0,
      declaration: 0,
      keyed: true,
      node: { type, config: parsed },
      inputs: rest.map((port) => ({ port, rest: true })),
      outs: specs,
      feedback: [],
    } as unknown as PlanNode;
    const ctx = new Context(plan, key, keys, this.#clock, this.#timers, {
      filtered: 0,
      late: 0,
      dead_lettered: 0,
      dropped: 0,
    });
    const emit = createEmit(
      specs,
      ports,
      key,
      this.#clock,
      specs.map(() => undefined),
    );
    this.#instance = new Instance(plan, key, ports, emit, tick, wake, ctx);
    if (type.kind === 'step') this.#instance.state = (type as StepNode).state(parsed as never, key);
    if (type.kind === 'rx')
      this.#instance.rx = new RxRunner(
        (ticks, scheduler) => {
          ctx.scheduler = scheduler;
          return type.rx(ticks as never, parsed as never, ctx as never) as never;
        },
        () => emit,
        specs.map((s) => s.port),
        ctx,
      );
  }

  send(input: StandaloneInput): StandaloneOutput[] {
    const out: StandaloneOutput[] = [];
    const now = Math.max(input.now, this.#clock.now);
    this.#fire(now, out);
    this.#begin(now);
    for (const [port, values] of Object.entries(input.ticks))
      for (const v of Array.isArray(values) ? values : [values]) this.#inputs[port]!.emit[port]!(v);
    this.#run();
    this.#collect(out);
    return out;
  }
  end(): StandaloneOutput[] {
    const type = this.#instance.plan.node.type;
    const out: StandaloneOutput[] = [];
    this.#fire(this.#clock.now, out);
    this.#begin(this.#clock.now);
    if (type.kind === 'step')
      type.end?.(
        this.#instance.state,
        this.#instance.config as never,
        this.#instance.emit as never,
        this.#instance.ctx,
      );
    this.#collect(out);
    return out;
  }
  /** All timers due up to `now`, each at its own time. */
  #fire(now: number, out: StandaloneOutput[]): void {
    for (let timer = this.#timers.take(now); timer; timer = this.#timers.take(now)) {
      this.#begin(Math.max(timer.due, this.#clock.now));
      this.#instance.ctx.timer = timer.tag;
      this.#run();
      this.#instance.ctx.timer = 0;
      this.#collect(out);
    }
  }
  #begin(now: number): void {
    this.#clock.n++;
    this.#clock.seq++;
    this.#clock.now = now;
  }
  #run(): void {
    const i = this.#instance;
    const type = i.plan.node.type;
    if (type.kind === 'step') type.step(i.state, i.tick as never, i.config as never, i.emit as never, i.ctx);
    else i.rx!.run(i.tick);
  }
  #collect(out: StandaloneOutput[]): void {
    for (const { port, schema, slot } of this.#outs) {
      if (slot.stamp !== this.#clock.n) continue;
      for (const r of slot instanceof PooledSlot ? slot.records.slice(0, slot.n) : [slot]) {
        const values: Record<string, unknown> = {};
        copyFields(schema, r as Record<string, unknown>, values);
        out.push({ now: this.#clock.now, port, values });
      }
    }
  }
}
