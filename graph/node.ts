import type { Observable, SchedulerLike } from 'rxjs';
import type { z } from 'zod';
import type { BlockReader, LiveReader } from './schema/block.ts';
import type { KeyInfo, KeyTable } from './schema/key.ts';
import type { ManyView, RecordView, Schema, Values } from './schema/record.ts';

/**
 * A node type is one object; validation, JSON Schema, the reference pages, `chimera explain` and the user interface are
 * derived from it. See CONTRIBUTING.md for the ten-minute tour.
 */

export type Tier = 'bronze' | 'silver' | 'gold';

/**
 * How an in-port relates to the instance's key:
 * - `same` (default): the stream of the instance's own key; the view is its last value.
 * - `none`: an unkeyed stream that reaches every instance (e.g. the state of the account).
 * - `any`: only on unkeyed nodes: all keys' streams at once, as a list of what ticked in this cycle.
 */
export type PortKey = 'same' | 'none' | 'any';

export interface InPort<S extends Schema = Schema> {
  readonly schema: S;
  readonly key: PortKey;
  /** May be left unconnected; then `seen` stays false. */
  readonly optional: boolean;
  /** Takes the list of a `many` port. Always true for `any`. */
  readonly many: boolean;
  /** May read what is known only later (labels). Everything else must not: CHM401. */
  readonly future: boolean;
  /** Is read as a last value and does not wake the node. */
  readonly passive: boolean;
  readonly doc?: string;
}
export interface OutPort<S extends Schema = Schema> {
  readonly schema: S;
  /** Any number of records per cycle; otherwise at most one. */
  readonly many: boolean;
  /** Sources only: 'none' = an unkeyed stream. */
  readonly key: 'instrument' | 'none';
  /**
   * On a `many` port of an unkeyed node: each record carries the key of an instrument (`emit.report({ ..., key })`),
   * and consumers keyed by instrument get their own records only.
   */
  readonly keyed: boolean;
  /** Holds what was known only after its time: a label. */
  readonly future: boolean;
  /**
   * Any number of records per cycle, and consumers take one: each record is delivered in a cycle of its own at the same
   * engine time, in order, before the next timer or input.
   */
  readonly successive?: true;
  readonly doc?: string;
}

type InOptions = {
  key?: PortKey;
  optional?: boolean;
  many?: boolean;
  future?: boolean;
  passive?: boolean;
  doc?: string;
};
type OutOptions = {
  many?: boolean;
  key?: 'instrument' | 'none';
  keyed?: boolean;
  future?: boolean;
  successive?: boolean;
  doc?: string;
};

export function input<S extends Schema, const O extends InOptions = Record<never, never>>(
  schema: S,
  options?: O,
): InPort<S> & { readonly list: O extends { key: 'any' } | { many: true } ? true : false } {
  const o: InOptions = options ?? {};
  const list = o.key === 'any' || o.many === true;
  return {
    schema,
    key: o.key ?? 'same',
    optional: o.optional ?? false,
    many: list,
    future: o.future ?? false,
    passive: o.passive ?? false,
    ...(o.doc ? { doc: o.doc } : {}),
    list: list as O extends { key: 'any' } | { many: true } ? true : false,
  };
}
export function output<S extends Schema>(schema: S, o: OutOptions = {}): OutPort<S> {
  return {
    schema,
    many: o.many ?? false,
    key: o.key ?? 'instrument',
    keyed: o.keyed ?? false,
    future: o.future ?? false,
    ...(o.successive ? { successive: true as const } : {}),
    ...(o.doc ? { doc: o.doc } : {}),
  };
}

export type InPorts = Readonly<Record<string, InPort & { readonly list: boolean }>>;
export type OutPorts = Readonly<Record<string, OutPort>>;

/** What a node sees in one cycle: one view per in-port. Preallocated; not to be kept. */
export type Tick<I extends InPorts> = {
  readonly [K in keyof I]: I[K]['list'] extends true ? ManyView<I[K]['schema']> : RecordView<I[K]['schema']>;
} & {
  /** Variadic inputs (`rest`) in the order of `ctx.rest`; empty for other node types. */
  readonly rest: readonly RecordView<Schema>[];
};
/** Writes an out-port: the whole record at once; twice in a cycle on a port that is not `many` is an error (CHM704). */
export type Emit<O extends OutPorts> = {
  readonly [K in keyof O]: (values: Readonly<Values<O[K]['schema']>> & { readonly key?: number }) => void;
};

export type Counter = 'filtered' | 'late' | 'dead_lettered' | 'dropped';

/** What a step may use besides its inputs. Everything here is a function of the journal: no ambient clock, no randomness. */
export interface Ctx {
  /** Engine time, µs since the epoch. */
  readonly now: number;
  /** Tag of the timer that fired (≥ 1), 0 in a cycle that an input caused. */
  readonly timer: number;
  /** The instance's key; undefined on unkeyed nodes. */
  readonly key: KeyInfo;
  /** All keys of the run, for nodes with `any` ports: `keys.at(tick.port.at(i).key)`. */
  readonly keys: KeyTable;
  /** The node's id in the document. */
  readonly node: string;
  /** Names of the variadic inputs. */
  readonly rest: readonly string[];
  /** The input that causes this cycle, for deterministic ids. */
  readonly cause: { readonly source: string; readonly seq: number };
  /** Sets the instance's timer `tag` (an integer ≥ 1), replacing its earlier setting. Fires as a cycle of its own at exactly that engine time. */
  at(timeUs: number, tag: number): void;
  after(durationUs: number, tag: number): void;
  cancel(tag: number): void;
  /** Adds to one of the run's four counters. */
  count(counter: Counter, n?: number): void;
}

/** An rx node also gets RxJS's scheduler in engine time: pass it to every time operator. */
export interface RxCtx extends Ctx {
  readonly scheduler: SchedulerLike;
}

/** A finding of a node type's own check of its configuration; `path` leads to the value inside `with`. */
export interface ConfigIssue {
  code: string;
  path: readonly (string | number)[];
  message: string;
  help?: string;
  suggestion?: string;
  severity?: 'error' | 'warning';
  /** Range inside the value's text, for expressions. */
  offset?: number;
  length?: number;
}
export interface Wiring {
  /** Schema of each connected in-port, variadic ones included. */
  readonly inputs: Readonly<Record<string, Schema>>;
}

export interface Example {
  title: string;
  /** A complete pipeline document; linted and run by the tests. */
  yaml: string;
}

interface Common<C extends z.ZodObject> {
  /** `room.name`, e.g. `feature.atr`. */
  readonly type: string;
  /** Bumped whenever the same input gives another output. */
  readonly version: number;
  readonly tier: Tier;
  /** One sentence. */
  readonly summary: string;
  /** Formula, conventions, edge cases: Markdown. */
  readonly doc?: string;
  /** The source of the formula. */
  readonly reference?: string;
  readonly config: C;
  /** Hands on what it reads: its outputs are of the tier of its inputs, whatever `tier` says. */
  readonly relays?: true;
  readonly examples?: readonly Example[];
  /** Static checks beyond the configuration's own schema. */
  check?(config: z.output<C>, wiring: Wiring): ConfigIssue[];
}

/** The number fields of a record. */
type NumberNames<V> = { [K in keyof V]: V[K] extends number ? K : never }[keyof V];
/** Rows of one port of a source, of one key, in order: row `rows[j]` of each column, for j in [from, to). */
export interface QuietRows<S extends Schema = Schema> {
  readonly columns: { readonly [K in NumberNames<Values<S>>]: Float64Array };
  readonly rows: Int32Array;
  from: number;
  to: number;
}
/**
 * What a node type tells of one of its in-ports so that the engine can take rows of a source by the column as long as nothing
 * comes of them, instead of running a cycle for each. A row is quiet when `step`, woken by it alone, would change nothing but the
 * state: emit nothing, set no timer, count nothing, throw nothing, and not ask for anything of the cycle (`now`, `cause`).
 * Rows of different keys come apart from each other, so what is said of one key must not depend on another one's rows.
 */
export interface Quiet<C, S, P extends Schema = Schema> {
  /** Where the quiet rows end: the first j in [from, to) whose row is not quiet, else `to`. Changes nothing. */
  reach(state: S, rows: QuietRows<P>, config: C, key: number): number;
  /** Leaves the state that `step` would leave after all rows of [from, to), which are quiet and not none. */
  fold(state: S, rows: QuietRows<P>, config: C, key: number): void;
}

export interface StepNode<
  C extends z.ZodObject = z.ZodObject,
  I extends InPorts = InPorts,
  O extends OutPorts = OutPorts,
  S = unknown,
> extends Common<C> {
  readonly kind: 'step';
  readonly ports: {
    readonly in: I;
    /** Variadic in-ports with names chosen in the document. */
    readonly rest?: InPort;
    /** A function when the layout depends on configuration and wiring. */
    readonly out: O | ((config: z.output<C>, wiring: Wiring) => OutPorts);
  };
  readonly determinism: 'pure' | 'journaled' | 'external';
  /** Inputs to see per port before the first output. */
  readonly warmup?: (config: z.output<C>) => Partial<Record<keyof I, number>>;
  /** The cold state: numbers, booleans, strings, null, typed arrays, Map, and plain arrays and objects of these. */
  state(config: z.output<C>, key: KeyInfo): S;
  step(state: S, tick: Tick<I>, config: z.output<C>, emit: Emit<O>, ctx: Ctx): void;
  /** By in-port: how rows are passed over of which nothing comes. It makes a run faster and no other run of it. */
  readonly quiet?: { readonly [K in keyof I]?: Quiet<z.output<C>, S, I[K]['schema']> };
  /** Called once after the last input: close what is open. Same rules as `step`; no timers. */
  end?(state: S, config: z.output<C>, emit: Emit<O>, ctx: Ctx): void;
  /** Turns a state of an earlier version into this one's, or throws. */
  migrate?(old: unknown, fromVersion: number): S;
}

/** What became of a question: the answer, or what counts in its place because none came in time. */
export interface Answer<A> {
  readonly value: A;
  readonly late: boolean;
}
/** The live half of an asynchronous node: the only part of it that a replay leaves out. */
export interface Answering<Q, A> {
  /**
   * May take its time; what it needs beyond the question it got when it was opened. Question and answer are plain data, like
   * a state. A throw or a rejection is a failure of the node.
   */
  answer(question: Q, call: Call): A | Promise<A>;
  close?(): Promise<void>;
}
export interface Call {
  /** Name of the instance's instrument; '' on unkeyed nodes. */
  readonly key: string;
  /** Aborted when the deadline has passed: nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * A node that waits within its cycle for an answer from outside: a look-up, a model in a worker. `ask` and `step` are
 * deterministic, like the step of a step node; what lies between them is written down (value, fallback or error) before
 * `step` sees it, and read again in a replay.
 */
export interface AsyncNode<
  C extends z.ZodObject = z.ZodObject,
  I extends InPorts = InPorts,
  O extends OutPorts = OutPorts,
  S = unknown,
  Q = unknown,
  A = unknown,
> extends Common<C> {
  readonly kind: 'async';
  readonly ports: {
    readonly in: I;
    readonly rest?: InPort;
    readonly out: O | ((config: z.output<C>, wiring: Wiring) => OutPorts);
  };
  readonly determinism: 'journaled';
  readonly warmup?: (config: z.output<C>) => Partial<Record<keyof I, number>>;
  /** How long an answer may take, µs of the wall clock. Past it `fallback` counts. */
  deadlineUs(config: z.output<C>): number;
  state(config: z.output<C>, key: KeyInfo): S;
  /** What to ask in this cycle; undefined = nothing, and nobody waits. May change the state. */
  ask(state: S, tick: Tick<I>, config: z.output<C>, ctx: Ctx): Q | undefined;
  /** What counts when no answer came in time: a function of the question and the options alone. */
  fallback(question: Q, config: z.output<C>): A;
  /** The rest of the cycle; `answer` is undefined when nothing was asked. */
  step(state: S, tick: Tick<I>, config: z.output<C>, emit: Emit<O>, ctx: Ctx, answer: Answer<A> | undefined): void;
  migrate?(old: unknown, fromVersion: number): S;
  /** Called at the start of a run that may have to ask; not in a replay. */
  open(config: z.output<C>, env: Env): Promise<Answering<Q, A>>;
}

/** Any RxJS pipeline inside one node. Emissions must happen synchronously within the node's own cycle (CHM705). */
export interface RxNode<C extends z.ZodObject = z.ZodObject, I extends InPorts = InPorts, O extends OutPorts = OutPorts>
  extends Common<C> {
  readonly kind: 'rx';
  readonly ports: { readonly in: I; readonly out: O };
  readonly determinism: 'pure' | 'journaled' | 'external';
  readonly warmup?: (config: z.output<C>) => Partial<Record<keyof I, number>>;
  rx(ticks$: Observable<Tick<I>>, config: z.output<C>, ctx: RxCtx): RxPipe<O>;
}
type RxOut<O extends OutPorts> = { readonly [K in keyof O]?: Readonly<Values<O[K]['schema']>> };
export interface RxPipe<O extends OutPorts> {
  /** Each emission may set any of the out-ports. */
  out$: Observable<RxOut<O>>;
  /** Both or neither; a stateful pipe without them cannot be checkpointed (lint CHM501). */
  snapshot?(): unknown;
  restore?(state: unknown): void;
  /** True when there is no state worth a checkpoint. */
  stateless?: boolean;
}

/** Engine time while it is live. */
export interface LiveClock {
  /** µs since the epoch; never steps back. */
  now(): number;
  /** Arrival time (t_avail, µs) of what is received now: later than everything that the run has already gone past. */
  stamp(): number;
}

/** What sources and sinks are given when they open. */
export interface Env {
  readonly keys: KeyTable;
  /** Paths of `--input`, in order. */
  readonly inputs: readonly string[];
  /** Folder for durable state; undefined = in memory only. */
  readonly dir: string | undefined;
  /** Name of the pipeline and of the node that opens. */
  readonly pipeline: string;
  readonly node: string;
  /** Random seed of the run, for sources that synthesise. */
  readonly seed: number;
  /** Present when the run is live. */
  readonly clock?: LiveClock;
  /** What the program hands to the outer ends of the graph by name: addresses and secrets of a connection. Never logged. */
  readonly access?: Readonly<Record<string, unknown>>;
}

export interface SourceNode<C extends z.ZodObject = z.ZodObject, O extends OutPorts = OutPorts> extends Common<C> {
  readonly kind: 'source';
  readonly ports: { readonly out: O };
  readonly determinism: 'journaled' | 'external' | 'pure';
  open(config: z.output<C>, env: Env): Promise<BlockReader>;
}

/** Position of a commit: all inputs up to it are in. */
export interface CommitMark {
  /** Running number of the commit. */
  readonly epoch: number;
  /** Engine time, µs. */
  readonly now: number;
  /** Last input of each source. */
  readonly offsets: Readonly<Record<string, number>>;
}
/** One that opens while the run goes on leaves alone what an earlier one of its id keeps, until its first commit. */
export interface Sink<I extends InPorts> {
  /** Called within the cycle; buffers, never blocks. */
  write(tick: Tick<I>, ctx: Ctx): void;
  /** Makes everything written since the last commit durable. Repeating a commit changes nothing. */
  commit(mark: CommitMark): Promise<void>;
  /** Forgets everything written since the last commit; the engine will write it again. */
  rollback(): void;
  close(): Promise<void>;
}
export interface SinkNode<C extends z.ZodObject = z.ZodObject, I extends InPorts = InPorts> extends Common<C> {
  readonly kind: 'sink';
  readonly ports: { readonly in: I; readonly rest?: InPort };
  readonly determinism: 'external';
  open(config: z.output<C>, env: Env, wiring: Wiring): Promise<Sink<I>>;
}

/** The half of a gateway that takes commands. */
export interface CommandSink<I extends InPorts> extends Sink<I> {
  /**
   * Lets out what was written since the last call. Called between cycles, once the inputs that led to it are on disk.
   * A repeated command (a run that went back to its last commit) has the cause and place that it had before.
   */
  flush(): void;
  /** Whether `flush` has something to let out; without it, it is called after every round. */
  pending?(): boolean;
  /**
   * What the other half has handed to the run is durable in its journal: it need not be told again. Called between commits where
   * the halves run in parts of their own.
   */
  settle?(): void;
}
export interface Gateway<I extends InPorts> {
  readonly reader: LiveReader;
  readonly sink: CommandSink<I>;
}
/**
 * Both a sink and a source: commands go out, and what the world answers comes in as inputs of its own, numbered by their own
 * journal. In a graph it stands where a simulated node with feedback stands in another profile; it needs no `feedback`.
 * In a replay its inputs come from the journal and its commands go nowhere.
 */
export interface GatewayNode<
  C extends z.ZodObject = z.ZodObject,
  I extends InPorts = InPorts,
  O extends OutPorts = OutPorts,
> extends Common<C> {
  readonly kind: 'gateway';
  readonly ports: { readonly in: I; readonly out: O };
  readonly determinism: 'journaled';
  open(config: z.output<C>, env: Env): Promise<Gateway<I>>;
}

/** Stands for a node that runs in another part of a graph that was cut: its records arrive over the bus. */
export interface RemoteNode {
  readonly kind: 'remote';
  readonly type: string;
  readonly version: number;
  readonly tier: Tier;
  readonly summary: string;
  readonly config: z.ZodObject;
  readonly ports: { readonly in: InPorts; readonly out: OutPorts };
}

// biome-ignore lint/suspicious/noExplicitAny: the registry holds node types of every configuration, port and state type.
type AnyInner = StepNode<any, any, any, any> | RxNode<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above.
export type AnyAsync = AsyncNode<any, any, any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above.
type OwnNode = AnyInner | AnyAsync | SourceNode<any, any> | SinkNode<any, any>;
/** What a plan runs. */
export type RunNode = OwnNode | RemoteNode;
// biome-ignore lint/suspicious/noExplicitAny: as above.
export type AnyGateway = GatewayNode<any, any, any>;
/** Every node type; a gateway runs as its two halves. */
export type AnyNode = OwnNode | AnyGateway;

/** Its records enter the graph as numbered inputs: one instance serves all instruments. */
export const isEntrance = (type: AnyNode | undefined): boolean => type?.kind === 'source' || type?.kind === 'gateway';

/** Defines a node type in step form: explicit, serialisable state and a function of (state, tick, config). */
export function defineNode<C extends z.ZodObject, const I extends InPorts, const O extends OutPorts, S>(
  node: Omit<StepNode<C, I, O, S>, 'kind'>,
): StepNode<C, I, O, S> {
  return Object.freeze({ kind: 'step' as const, ...node });
}
/** Defines a node type in rx form. */
export function defineRxNode<C extends z.ZodObject, const I extends InPorts, const O extends OutPorts>(
  node: Omit<RxNode<C, I, O>, 'kind'>,
): RxNode<C, I, O> {
  return Object.freeze({ kind: 'rx' as const, ...node });
}
/** Defines a node type that waits for answers from outside. */
export function defineAsyncNode<C extends z.ZodObject, const I extends InPorts, const O extends OutPorts, S, Q, A>(
  node: Omit<AsyncNode<C, I, O, S, Q, A>, 'kind'>,
): AsyncNode<C, I, O, S, Q, A> {
  return Object.freeze({ kind: 'async' as const, ...node });
}
export function defineSource<C extends z.ZodObject, const O extends OutPorts>(
  node: Omit<SourceNode<C, O>, 'kind'>,
): SourceNode<C, O> {
  return Object.freeze({ kind: 'source' as const, ...node });
}
export function defineSink<C extends z.ZodObject, const I extends InPorts>(
  node: Omit<SinkNode<C, I>, 'kind'>,
): SinkNode<C, I> {
  return Object.freeze({ kind: 'sink' as const, ...node });
}

export function defineGateway<C extends z.ZodObject, const I extends InPorts, const O extends OutPorts>(
  node: Omit<GatewayNode<C, I, O>, 'kind'>,
): GatewayNode<C, I, O> {
  return Object.freeze({ kind: 'gateway' as const, ...node });
}

export const inPortsOf = (n: AnyNode | RemoteNode): InPorts => (n.kind === 'source' ? {} : n.ports.in);
/** The variadic in-port, for types that have one. */
export const restOf = (n: AnyNode): InPort | undefined =>
  n.kind === 'step' || n.kind === 'async' || n.kind === 'sink' ? n.ports.rest : undefined;
export function outPortsOf(n: AnyNode, config: unknown, wiring: Wiring): OutPorts {
  if (n.kind === 'sink') return {};
  const out = n.ports.out;
  return typeof out === 'function' ? out(config as never, wiring) : out;
}
