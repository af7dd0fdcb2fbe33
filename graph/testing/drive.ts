import type { Ctx, InPorts, OutPorts, StepNode, Tick } from '../node.ts';
import { type KeyInfo, KeyTable, type Schema, Vec } from '../schema/index.ts';

/** A record a driven node emitted. */
export interface Emitted {
  port: string;
  now: number;
  values: Record<string, unknown>;
}

/** Decimals of the driven node's instrument. */
export interface DriveOptions {
  key?: string;
  pxDigits?: number;
  qtyDigits?: number;
  /** Names of variadic inputs. */
  rest?: readonly string[];
}

type Row = Record<string, unknown>;

/**
 * Runs one step node by hand, for tests of a node type by itself: exact engine time, timers, last values, and
 * everything it emits. The engine proper is tested by whole pipelines.
 */
// biome-ignore lint/suspicious/noExplicitAny: a harness for node types of every configuration and state.
export class Drive<I extends InPorts, O extends OutPorts, S = any> {
  readonly emitted: Emitted[] = [];
  readonly counters: Record<string, number> = { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 };
  readonly config: unknown;
  readonly keys = new KeyTable();
  readonly key: KeyInfo;
  state: S;
  now = 0;
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  readonly #node: StepNode<any, I, O, S>;
  readonly #views: Record<string, Row> = {};
  readonly #rest: Row[] = [];
  readonly #timers = new Map<number, number>();
  readonly #options: DriveOptions;
  #timer = 0;
  #seq = 0;

  // biome-ignore lint/suspicious/noExplicitAny: see above.
  constructor(node: StepNode<any, I, O, S>, config: Record<string, unknown> = {}, options: DriveOptions = {}) {
    this.#node = node;
    this.#options = options;
    this.config = node.config.parse(config);
    this.key = this.keys.declare(options.key ?? 'usdm:BTCUSDT', options.pxDigits ?? 2, options.qtyDigits ?? 3);
    this.state = node.state(this.config as never, this.key);
    for (const [name, p] of Object.entries(node.ports.in)) this.#views[name] = p.many ? new Many() : blank(p.schema);
    for (const name of options.rest ?? []) {
      const view = blank(node.ports.rest!.schema);
      this.#views[name] = view;
      this.#rest.push(view);
    }
  }

  /** One input at engine time `now` (µs): the given ports tick together; lists go to `many` ports. Returns what it caused. */
  send(now: number, ticks: Record<string, Row | Row[]>): Emitted[] {
    const from = this.emitted.length;
    this.advance(now);
    this.#seq++;
    for (const [port, values] of Object.entries(ticks)) {
      const view = this.#views[port];
      if (!view) throw new Error(`no port ${port}`);
      if (view instanceof Many) view.rows = (Array.isArray(values) ? values : [values]).map((v) => ({ key: 0, ...v }));
      else Object.assign(view, values, { ticked: true, seen: true, time: now });
    }
    if (Object.keys(ticks).some((port) => !this.#passive(port))) this.#cycle(0);
    else this.#clear();
    return this.emitted.slice(from);
  }
  /** Fires all timers due up to and including `now`, each at its own time. */
  advance(now: number): Emitted[] {
    const from = this.emitted.length;
    for (;;) {
      let next: [number, number] | undefined;
      for (const t of this.#timers) if (t[1] <= now && (!next || t[1] < next[1])) next = t;
      if (!next) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1]);
      this.#cycle(next[0]);
    }
    this.now = Math.max(this.now, now);
    return this.emitted.slice(from);
  }
  /** The end of the input. */
  end(): Emitted[] {
    const from = this.emitted.length;
    this.#node.end?.(this.state, this.config as never, this.#emit() as never, this.#ctx());
    return this.emitted.slice(from);
  }
  /** Values emitted on one port so far. */
  on(port: keyof O & string): Row[] {
    return this.emitted.filter((e) => e.port === port).map((e) => e.values);
  }

  #cycle(timer: number): void {
    this.#timer = timer;
    const tick = { ...this.#views, rest: this.#rest } as unknown as Tick<I>;
    this.#node.step(this.state, tick, this.config as never, this.#emit() as never, this.#ctx());
    this.#clear();
  }
  #clear(): void {
    for (const v of Object.values(this.#views)) {
      if (v instanceof Many) v.rows = [];
      else v['ticked'] = false;
    }
  }
  #passive(port: string): boolean {
    return (this.#node.ports.in[port] ?? this.#node.ports.rest)?.passive ?? false;
  }
  #emit(): Record<string, (v: Row) => void> {
    const push = (port: string) => (v: Row) => {
      const values: Row = {};
      for (const [k, x] of Object.entries(v)) values[k] = x instanceof Vec ? x.toArray() : x;
      this.emitted.push({ port, now: this.now, values });
    };
    const out = this.#node.ports.out;
    const ports =
      typeof out === 'function'
        ? out(this.config as never, {
            inputs: Object.fromEntries((this.#options.rest ?? []).map((n) => [n, this.#node.ports.rest!.schema])),
          })
        : out;
    return Object.fromEntries(Object.keys(ports).map((p) => [p, push(p)]));
  }
  #ctx(): Ctx {
    return {
      now: this.now,
      timer: this.#timer,
      key: this.key,
      keys: this.keys,
      node: 'node',
      rest: this.#options.rest ?? [],
      cause: { source: 'test', seq: this.#seq },
      at: (t, tag) => {
        this.#timers.set(tag, t);
      },
      after: (d, tag) => {
        this.#timers.set(tag, this.now + d);
      },
      cancel: (tag) => {
        this.#timers.delete(tag);
      },
      count: (c, n = 1) => {
        this.counters[c]! += n;
      },
    };
  }
}

class Many {
  [name: string]: unknown;
  rows: Row[] = [];
  get n(): number {
    return this.rows.length;
  }
  get ticked(): boolean {
    return this.rows.length > 0;
  }
  at(i: number): Row {
    return this.rows[i]!;
  }
}
function blank(schema: Schema): Row {
  const row: Row = { ticked: false, seen: false, time: 0 };
  for (const [name, f] of Object.entries(schema.fields))
    row[name] =
      f.kind === 'text'
        ? ''
        : f.kind === 'bool'
          ? false
          : f.kind === 'oneOf'
            ? f.values[0]
            : f.kind === 'list'
              ? new Vec()
              : 0;
  return row;
}
