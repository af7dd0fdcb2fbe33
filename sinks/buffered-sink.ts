import type { CommitMark, Ctx, Env, InPorts, Sink, Tick, Wiring } from '../graph/node.ts';
import type { ManyView } from '../graph/schema/index.ts';
import { type KeyedRecord, RowBuffer } from './row-buffer.ts';

type View = KeyedRecord & { readonly ticked: boolean; readonly at?: undefined };
type Port = View | ManyView<never>;

/**
 * What all sinks share: a cycle only copies what ticked into columns; the work is done at commits, over the rows in
 * the order in which they came. So a rollback forgets by emptying the columns, and the same rows give the same result
 * however commits cut them.
 */
export abstract class BufferedSink implements Sink<InPorts> {
  protected readonly env: Env;
  /** In-ports in order of connection: fixed ones, then variadic ones. */
  protected readonly ports: readonly string[];
  protected readonly buffers: readonly RowBuffer[];
  /** Names of causes; rows hold their index. */
  protected readonly causes: string[] = [];
  /** Port of each row since the last commit, in order. */
  protected order = new Uint8Array(256);
  protected rows = 0;
  readonly #fixed: readonly string[];
  #cause = 0;

  constructor(env: Env, wiring: Wiring, fixed: readonly string[]) {
    this.env = env;
    this.#fixed = fixed.filter((p) => p in wiring.inputs);
    this.ports = [...this.#fixed, ...Object.keys(wiring.inputs).filter((p) => !fixed.includes(p))];
    this.buffers = this.ports.map((p) => new RowBuffer(wiring.inputs[p]!));
  }

  write(tick: Tick<InPorts>, ctx: Ctx): void {
    const fixed = this.#fixed;
    const named = tick as unknown as Record<string, Port>;
    const rest = tick.rest as unknown as readonly Port[];
    for (let p = 0; p < this.ports.length; p++) {
      const view = p < fixed.length ? named[fixed[p]!]! : rest[p - fixed.length]!;
      if (!view.ticked) continue;
      // A stream of all keys, and the list of a `many` port, come as a list; an unkeyed stream as one record.
      if (typeof view.at === 'function') for (let i = 0; i < view.n; i++) this.#push(p, view.at(i) as never, ctx);
      else this.#push(p, view as View, ctx);
    }
  }
  #push(port: number, record: KeyedRecord, ctx: Ctx): void {
    if (this.rows === this.order.length) {
      const wider = new Uint8Array(2 * this.rows);
      wider.set(this.order);
      this.order = wider;
    }
    this.order[this.rows++] = port;
    const { source, seq } = ctx.cause;
    if (this.causes[this.#cause] !== source) {
      this.#cause = this.causes.indexOf(source);
      if (this.#cause < 0) this.#cause = this.causes.push(source) - 1;
    }
    this.buffers[port]!.push(this.#cause, seq, ctx.now, record);
  }

  async commit(mark: CommitMark): Promise<void> {
    await this.flush(mark);
    this.rollback();
  }
  rollback(): void {
    this.rows = 0;
    for (const b of this.buffers) b.clear();
  }
  /** Makes the buffered rows durable. A repeated epoch replaces what it wrote before. */
  protected abstract flush(mark: CommitMark): Promise<void>;
  abstract close(): Promise<void>;
}
