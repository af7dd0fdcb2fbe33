import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { openRunStore, type RunStore } from '../../../sinks/store/index.ts';
import type { Beginning, DecisionRows, FromEngine, PortRows, ToEngine } from '../../observe/messages.ts';
import type { DecisionMoment } from '../../why/moment.ts';
import type { Checkpoint, DeadLetter, Graph, Problem, Run, Stats, Stream, Trading } from '../contract/records.ts';
import type {
  Bound,
  CallName,
  Candle,
  Decisions,
  Kept,
  LiveRun,
  RuleNode,
  RunCalls,
  RunHandle,
  TapRequest,
  TapRows,
} from '../ports.ts';
import { ApiError } from '../problem.ts';
import { ObservedStore } from './observed-store.ts';
import { PastCalls } from './past-calls.ts';
import { checkpointsOf } from './past-run.ts';
import { Keys, numbersOf, rowOf, valuesOf } from './rows.ts';
import { type RunFile, writeRunFile } from './run-folder.ts';
import { statsOf } from './stats.ts';
import { tapFilter } from './tap-filter.ts';
import { TradingView } from './trading-view.ts';

/** How long a run has to answer: a kill switch waits for the venue. */
const DEADLINE_MS = 20_000;
/** Rows of an interval that a tap with a condition looks at, and one without. */
const ROOM_FILTERED = 2000;
const ROOM_PLAIN = 200;
const INTERVAL_S = 0.25;

interface Tap {
  readonly port: string;
  readonly key: string | undefined;
  readonly holds: ((row: Record<string, unknown>) => boolean) | undefined;
  readonly perS: number;
  readonly room: number;
  readonly take: (rows: TapRows) => void;
  /** Rows that may still be shown; refilled as time passes. */
  allowance: number;
}
interface Asking {
  readonly done: (value: unknown) => void;
  readonly fail: (e: unknown) => void;
  readonly timer: NodeJS.Timeout;
}
type Change = 'stats' | 'trading' | 'graph' | 'ended';

/** A run that goes on in another thread of this process, as its observer tells of it. */
export class LiveRunHandle implements RunHandle, LiveRun {
  readonly id: string;
  readonly #port: MessagePort;
  readonly #keys = new Keys();
  readonly #taps = new Set<Tap>();
  readonly #listeners = new Set<(what: Change) => void>();
  readonly #asking = new Map<number, Asking>();
  #beginning: Beginning;
  #run: Run;
  #observed: ObservedStore;
  #trading: TradingView;
  #stats: Stats | undefined;
  #last: (FromEngine & { kind: 'tick' })['figures'] | undefined;
  #watchers = 0;
  #asked = 0;
  #missed = 0;
  #report: string | undefined;
  #store: Promise<RunStore> | undefined;
  readonly #past: PastCalls;

  constructor(port: MessagePort, beginning: Beginning) {
    this.#port = port;
    this.id = beginning.run.id;
    this.#beginning = beginning;
    this.#run = beginning.run;
    this.#report = beginning.report;
    this.#past = new PastCalls(() => this.kept()!);
    const file = beginning.dir === undefined ? undefined : join(beginning.dir, 'observed.sqlite');
    this.#observed = new ObservedStore(file);
    this.#trading = new TradingView(beginning.trading);
    this.#keep();
  }

  /** A message of the observer. */
  take(m: FromEngine): void {
    if (m.kind === 'tick') this.#tick(m);
    else if (m.kind === 'answer') this.#answered(m.id, (a) => a.done(m.value));
    else if (m.kind === 'refused') this.#answered(m.id, (a) => a.fail(refusal(m.error)));
    else if (m.kind === 'begin') this.#goOn(m.beginning);
    else this.#ended(m);
  }

  run(): Run {
    return { ...this.#run, has_report: this.#reportFile('html') !== undefined };
  }
  graph(): Graph {
    return this.#beginning.graph;
  }
  rules(): readonly RuleNode[] {
    return this.#beginning.rules;
  }
  bound(): Bound {
    return this.#beginning.bound;
  }
  async report(kind: 'html' | 'json'): Promise<string | undefined> {
    const file = this.#reportFile(kind);
    return file && readFile(file, 'utf8');
  }
  async documents(): Promise<RunStore | undefined> {
    const { state } = this.#beginning;
    if (state === undefined || !existsSync(join(state, 'store.sqlite'))) return undefined;
    this.#store ??= openRunStore(state);
    return this.#store;
  }
  decisions(): Promise<Decisions | undefined> {
    const rules = this.rules();
    return Promise.resolve(rules.length === 0 ? undefined : this.#observed.decisions(rules));
  }
  bars(query: Parameters<RunHandle['bars']>[0]): Promise<Candle[] | undefined> {
    return Promise.resolve(this.#beginning.trading.bars.length === 0 ? undefined : (this.#observed.bars(query) ?? []));
  }
  async checkpoints(): Promise<Checkpoint[]> {
    const store = await this.documents();
    return store ? checkpointsOf(store, this.#run.pipeline) : [];
  }
  streams(): Promise<Stream[]> {
    return Promise.resolve([]);
  }
  deadLetters(): readonly DeadLetter[] {
    return [];
  }
  live(): LiveRun | undefined {
    return this.#run.ended_ms === null ? this : undefined;
  }
  kept(): Kept | undefined {
    const { state, capture, graph, bound } = this.#beginning;
    return state === undefined ? undefined : { state, capture, yaml: graph.yaml, bound };
  }
  offers(call: CallName): boolean {
    if (PastCalls.has(call, this.#beginning.state)) return true;
    return this.#run.ended_ms === null && this.#beginning.offers.includes(call);
  }
  call<N extends CallName>(name: N, ...args: Parameters<RunCalls[N]>): Promise<Awaited<ReturnType<RunCalls[N]>>> {
    if (!this.offers(name)) return Promise.reject(new ApiError('CHM1121', `run ${this.id} does not offer ${name}`));
    if (PastCalls.has(name, this.#beginning.state)) return this.#past.call(name, args);
    const id = this.#asked++;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.#asking.delete(id);
        fail(new ApiError('CHM1122', `run ${this.id} did not answer within ${DEADLINE_MS / 1000} s`));
      }, DEADLINE_MS);
      this.#asking.set(id, { done: done as (v: unknown) => void, fail, timer });
      this.#say({ kind: 'call', id, name, args });
    });
  }

  stats(): Stats | undefined {
    return this.#stats;
  }
  trading(): Trading | undefined {
    return this.#trading.trading;
  }
  watch(): () => void {
    if (this.#watchers++ === 0) this.#say({ kind: 'watch', on: true });
    let on = true;
    return () => {
      if (!on) return;
      on = false;
      if (--this.#watchers === 0) this.#say({ kind: 'watch', on: false });
    };
  }
  onChange(listener: (what: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  tap(request: TapRequest, take: (rows: TapRows) => void): () => void {
    const port = `${request.node}.${request.port}`;
    const schema = this.#beginning.schemas[port];
    if (!schema)
      throw new ApiError('CHM1137', `there is no port ${port}`, {
        help: 'GET /runs/:run/graph has all nodes and ports',
      });
    const holds = request.filter === undefined || request.filter === '' ? undefined : tapFilter(request.filter, schema);
    const tap: Tap = {
      port,
      key: request.key,
      holds,
      perS: request.per_s,
      room: holds ? ROOM_FILTERED : Math.min(ROOM_PLAIN, Math.max(1, Math.ceil(request.per_s * INTERVAL_S * 2))),
      take,
      allowance: Math.max(1, request.per_s),
    };
    this.#taps.add(tap);
    this.#ask(port);
    return () => {
      if (this.#taps.delete(tap)) this.#ask(port);
    };
  }
  async close(): Promise<void> {
    for (const a of this.#asking.values()) clearTimeout(a.timer);
    this.#asking.clear();
    this.#observed.close();
    await this.#past.close();
    await (await this.#store)?.close();
  }

  /** Asks the observer for what the taps of a port need together. */
  #ask(port: string): void {
    const taps = [...this.#taps].filter((t) => t.port === port);
    if (taps.length === 0) {
      this.#say({ kind: 'untap', port });
      return;
    }
    const keys = new Set(taps.map((t) => t.key));
    const key = keys.size === 1 ? [...keys][0] : undefined;
    this.#say({ kind: 'tap', port, room: Math.max(...taps.map((t) => t.room)), key });
  }
  #tick(m: FromEngine & { kind: 'tick' }): void {
    this.#say({ kind: 'ack' });
    this.#keys.add(m.keys);
    if (this.#run.state === 'starting') this.#run = { ...this.#run, state: 'running' };
    const before = this.#last;
    this.#last = m.figures;
    this.#stats = statsOf(this.#beginning, this.#run.state, m.figures, before);
    let traded = false;
    if (m.reconciler) this.#trading.reconciled(m.reconciler);
    for (const rows of m.rows) traded = this.#rows(rows) || traded;
    this.#refill();
    for (const d of m.decisions) this.#decided(d);
    this.#changed('stats');
    if (traded) this.#changed('trading');
  }
  #rows(rows: PortRows): boolean {
    const schema = this.#beginning.schemas[rows.port];
    if (!schema) return false;
    const { causes, trading } = this.#beginning;
    const bar = trading.bars.find((b) => b.port === rows.port);
    if (bar) this.#bars(rows, bar.width_us);
    const taps = [...this.#taps].filter((t) => t.port === rows.port);
    let traded = false;
    const shown = taps.map(() => [] as TapRows['rows'][number][]);
    for (let i = 0; i < rows.n; i++) {
      const row = rowOf(rows, i, schema, causes, this.#keys);
      traded = this.#trading.take(rows.port, row) || traded;
      taps.forEach((t, at) => {
        if (t.key !== undefined && t.key !== row.key) return;
        if (t.holds && !t.holds({ ...numbersOf(rows, i, schema, this.#keys.at(rows.key[i]!)), key: row.key ?? '' }))
          return;
        shown[at]!.push(row);
      });
    }
    // Rows that the observer had no room for: whether they would have been shown is not known.
    const unseen = rows.seen - rows.n;
    taps.forEach((t, at) => {
      const all = shown[at]!;
      const room = Math.max(0, Math.floor(t.allowance));
      const kept = all.length > room ? (room === 0 ? [] : all.slice(-room)) : all;
      t.allowance -= kept.length;
      const left_out = all.length - kept.length + unseen;
      if (kept.length > 0 || left_out > 0) t.take({ rows: kept, left_out });
    });
    return traded;
  }
  #refill(): void {
    for (const t of this.#taps) t.allowance = Math.min(Math.max(1, t.perS), t.allowance + t.perS * INTERVAL_S);
  }
  #bars(rows: PortRows, width_us: number): void {
    const schema = this.#beginning.schemas[rows.port]!;
    const bars = Array.from({ length: rows.n }, (_, i) => {
      const key = this.#keys.at(rows.key[i]!);
      const v = valuesOf(rows, i, schema, key);
      const text = (name: string) => String(v[name] ?? '0');
      return {
        port: rows.port,
        key: key?.name ?? '',
        width_us,
        t_us: Number(v['start']) * 1000,
        open: text('open'),
        high: text('high'),
        low: text('low'),
        close: text('close'),
        volume: text('volume'),
      };
    });
    this.#observed.addBars(bars);
  }
  #decided(d: DecisionRows): void {
    this.#missed += d.missed;
    const verdict = this.#beginning.schemas[`${d.node}.verdict`];
    if (!verdict || d.n === 0) return;
    const moments = Array.from({ length: d.n }, (_, i): DecisionMoment => {
      const key = this.#keys.at(d.verdict.key[i]!);
      const present = d.present[i]!;
      return {
        cycle: d.cycles[i]!,
        at_us: d.verdict.t[i]!,
        node: d.node,
        key: key?.name ?? null,
        // Rules read doubles: what is exact is not theirs to see.
        features: numbersOf(d.features, i, d.schemas.features, key),
        position:
          d.position && d.schemas.position && present & 1 ? numbersOf(d.position, i, d.schemas.position, key) : null,
        guard: d.guard && d.schemas.guard && present & 2 ? numbersOf(d.guard, i, d.schemas.guard, key) : null,
        verdict: numbersOf(d.verdict, i, verdict, key),
      };
    });
    this.#observed.addDecisions(moments);
  }
  #goOn(beginning: Beginning): void {
    this.#beginning = beginning;
    this.#run = { ...this.#run, graph_hash: beginning.run.graph_hash };
    this.#keys.clear();
    this.#last = undefined;
    this.#trading = new TradingView(beginning.trading);
    // The past has one graph more: it is opened anew at the next question.
    void this.#past.close();
    this.#keep();
    this.#changed('graph');
  }
  #ended(m: FromEngine & { kind: 'end' }): void {
    this.#run = {
      ...this.#run,
      state: m.state,
      ended_ms: Date.now(),
      figures: m.figures,
      parity: m.parity ?? null,
    };
    this.#report = m.report ?? this.#report;
    if (this.#stats) this.#stats = { ...this.#stats, state: m.state };
    for (const [id] of this.#asking)
      this.#answered(id, (a) => a.fail(new ApiError('CHM1121', `run ${this.id} has ended`)));
    this.#keep();
    this.#changed('ended');
  }
  /** What a later process will know of it. */
  #keep(): void {
    const { dir, graph, rules, bound, state, capture } = this.#beginning;
    if (dir === undefined) return;
    const file: RunFile = {
      chimera_run: 1,
      run: this.#run,
      graph,
      rules,
      bound,
      observed: join(dir, 'observed.sqlite'),
      ...(state === undefined ? {} : { state }),
      ...(capture === undefined ? {} : { capture }),
      ...(this.#report === undefined ? {} : { report: this.#report }),
    };
    writeRunFile(dir, file);
  }
  #reportFile(kind: 'html' | 'json'): string | undefined {
    const file = this.#report === undefined ? undefined : `${this.#report}.${kind}`;
    return file !== undefined && existsSync(file) ? file : undefined;
  }
  #answered(id: number, tell: (a: Asking) => void): void {
    const asking = this.#asking.get(id);
    if (!asking) return;
    this.#asking.delete(id);
    clearTimeout(asking.timer);
    tell(asking);
  }
  #changed(what: Change): void {
    for (const listen of this.#listeners) listen(what);
  }
  #say(m: ToEngine): void {
    this.#port.postMessage(m);
  }
}

const refusal = (e: Problem['error']): ApiError =>
  new ApiError(e.code, e.message, {
    ...(e.help === undefined ? {} : { help: e.help }),
    ...(e.where === undefined ? {} : { field: e.where }),
  });
