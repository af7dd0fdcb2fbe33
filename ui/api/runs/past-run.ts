import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRunStore, type RunStore } from '../../../sinks/store/index.ts';
import type { Checkpoint, DeadLetter, Graph, Run, Stream } from '../contract/records.ts';
import type { Bound, CallName, Candle, Decisions, Kept, LiveRun, RuleNode, RunCalls, RunHandle } from '../ports.ts';
import { ApiError } from '../problem.ts';
import { documentDecisions } from './document-decisions.ts';
import { ObservedStore } from './observed-store.ts';
import { PastCalls } from './past-calls.ts';
import type { RunFile } from './run-folder.ts';

/** A run that has ended, or that another process has: what its folder tells. */
export class PastRun implements RunHandle {
  readonly id: string;
  readonly #file: RunFile;
  #store: Promise<RunStore> | undefined;
  #observed: ObservedStore | undefined;
  readonly #past: PastCalls;
  constructor(id: string, file: RunFile) {
    this.id = id;
    this.#file = file;
    this.#past = new PastCalls(() => this.kept()!);
  }
  run(): Run {
    const { run } = this.#file;
    // Of another process nothing is known but what it wrote; a run that never ended there was ended from outside.
    return { ...run, id: this.id, has_report: this.#reportFile('html') !== undefined };
  }
  graph(): Graph {
    return { ...this.#file.graph, run: this.id };
  }
  rules(): readonly RuleNode[] {
    return this.#file.rules;
  }
  bound(): Bound {
    return this.#file.bound;
  }
  async report(kind: 'html' | 'json'): Promise<string | undefined> {
    const file = this.#reportFile(kind);
    return file && readFile(file, 'utf8');
  }
  async documents(): Promise<RunStore | undefined> {
    const { state } = this.#file;
    if (state === undefined || !existsSync(join(state, 'store.sqlite'))) return undefined;
    this.#store ??= openRunStore(state);
    return this.#store;
  }
  async decisions(): Promise<Decisions | undefined> {
    const observed = this.#openObserved();
    if (observed && observed.count > 0) return observed.decisions(this.rules());
    const store = await this.documents();
    return store && this.rules().length > 0 ? documentDecisions(store, this.rules()) : undefined;
  }
  bars(query: Parameters<RunHandle['bars']>[0]): Promise<Candle[] | undefined> {
    return Promise.resolve(this.#openObserved()?.bars(query));
  }
  async checkpoints(): Promise<Checkpoint[]> {
    const store = await this.documents();
    return store ? checkpointsOf(store, this.run().pipeline) : [];
  }
  streams(): Promise<Stream[]> {
    return Promise.resolve([]);
  }
  deadLetters(): readonly DeadLetter[] {
    return [];
  }
  live(): LiveRun | undefined {
    return undefined;
  }
  kept(): Kept | undefined {
    const { state, capture, graph, bound } = this.#file;
    return state === undefined ? undefined : { state, capture, yaml: graph.yaml, bound };
  }
  offers(call: CallName): boolean {
    return PastCalls.has(call, this.#file.state);
  }
  call<N extends CallName>(name: N, ...args: Parameters<RunCalls[N]>): Promise<Awaited<ReturnType<RunCalls[N]>>> {
    if (PastCalls.has(name, this.#file.state)) return this.#past.call(name, args);
    return Promise.reject(
      new ApiError('CHM1121', `run ${this.id} is not going on here: it cannot do ${name}`, {
        help: 'this is for runs that are going on in this process',
      }),
    );
  }
  async close(): Promise<void> {
    this.#observed?.close();
    await this.#past.close();
    await (await this.#store)?.close();
  }

  #openObserved(): ObservedStore | undefined {
    const { observed } = this.#file;
    if (observed === undefined || !existsSync(observed)) return undefined;
    this.#observed ??= new ObservedStore(observed);
    return this.#observed;
  }
  #reportFile(kind: 'html' | 'json'): string | undefined {
    const { report } = this.#file;
    const file = report === undefined ? undefined : `${report}.${kind}`;
    return file !== undefined && existsSync(file) ? file : undefined;
  }
}

/** The checkpoints that a store holds, newest first. */
export async function checkpointsOf(store: RunStore, pipeline: string): Promise<Checkpoint[]> {
  const out: Checkpoint[] = [];
  for (let before: number | undefined; out.length < 100; ) {
    const c = await store.loadCheckpoint(pipeline, before);
    if (!c) break;
    out.push({ id: c.epoch, at_us: c.now, bytes: c.blob.byteLength, wall_ms: null });
    before = c.epoch;
  }
  return out;
}
