import type { CommitMark, Ctx, Env, InPorts, LiveClock, Tick } from '../../../graph/node.ts';
import { KeyTable } from '../../../graph/schema/index.ts';
import { binanceUsdm } from '../gateway.ts';
import type { GatewayRun } from '../gateway-run.ts';
import type { Command } from '../order-state.ts';
import { binanceSpot } from '../spot-gateway.ts';

/** One record that the gateway brought in. */
export interface Brought {
  readonly port: string;
  readonly key: string;
  readonly t: number;
  readonly values: Readonly<Record<string, number | string>>;
}
export interface DriverOptions {
  readonly dir: string;
  readonly access: unknown;
  readonly config?: Record<string, unknown>;
  /** Default usdm. */
  readonly market?: 'usdm' | 'spot';
  /** Engine times of inputs, shared by the lives of one run. */
  readonly times?: Map<number, number>;
  /** Instruments with price and quantity decimals. */
  readonly instruments?: readonly (readonly [name: string, px: number, qty: number])[];
}

const nowUs = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000);

/** Does what a live run does with a gateway: writes commands, lets them out, takes what comes, commits. */
export class GatewayDriver {
  readonly rows: Brought[] = [];
  readonly run: GatewayRun;
  readonly keys: KeyTable;
  /** Called with each record, in order. */
  onRow: (row: Brought) => void = () => {};
  #seq = 0;
  #epoch = 0;
  /** Engine time of each input: a repeated one has its own again. */
  readonly #times: Map<number, number>;

  private constructor(run: GatewayRun, keys: KeyTable, times: Map<number, number>) {
    this.#times = times;
    this.run = run;
    this.keys = keys;
  }
  static async open(o: DriverOptions): Promise<GatewayDriver> {
    const keys = new KeyTable();
    for (const [name, px, qty] of o.instruments ?? [['usdm:BTCUSDT', 2, 3]]) keys.declare(name, px, qty);
    let last = 0;
    const clock: LiveClock = {
      now: nowUs,
      stamp: () => {
        last = Math.max(last + 1, nowUs());
        return last;
      },
    };
    const env: Env = {
      keys,
      inputs: [],
      dir: o.dir,
      pipeline: 'test',
      node: 'venue',
      seed: 1,
      clock,
      access: { binance: o.access },
    };
    const type = o.market === 'spot' ? binanceSpot : binanceUsdm;
    const gateway = await type.open(type.config.parse(o.config ?? {}) as never, env);
    return new GatewayDriver(gateway.reader as unknown as GatewayRun, keys, o.times ?? new Map());
  }

  /** Commands of one cycle. @param seq of the input that causes them; the next one when absent */
  send(commands: readonly (Partial<Command> & { key?: string })[], seq = this.#seq++): void {
    const list = commands.map((c) => ({
      action: 'place',
      client_id: '',
      side: 'buy',
      type: 'market',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: Number.NaN,
      working: 'mark',
      reduce_only: false,
      close_position: false,
      intent_id: '',
      origin: 'entry',
      ...c,
      key: (c.key === undefined ? this.keys.at(0) : this.keys.find(c.key)!).index,
    }));
    const tick = { order: { ticked: true, n: list.length, at: (i: number) => list[i]! }, rest: [] };
    const now = this.#times.get(seq) ?? nowUs();
    this.#times.set(seq, now);
    this.run.write(tick as unknown as Tick<InPorts>, { now, cause: { source: 'market', seq } } as unknown as Ctx);
  }
  /** One round of a live run. */
  round(): void {
    if (this.run.pending()) this.run.flush();
    for (let b = this.run.poll(Number.MAX_SAFE_INTEGER); b; b = this.run.poll(Number.MAX_SAFE_INTEGER))
      for (let i = 0; i < b.n; i++) {
        const { name, schema } = this.run.ports[b.port[i]!]!;
        const columns = b.ports[b.port[i]!]!.columns as (Float64Array | string[])[];
        const values = Object.fromEntries(
          Object.entries(schema.fields).map(([f, field], c) => {
            const v = columns[c]![b.row[i]!]!;
            return [f, field.kind === 'oneOf' ? field.values[v as number]! : v];
          }),
        );
        const row = { port: name, key: this.keys.at(b.key[i]!).name, t: b.t[i]!, values };
        this.rows.push(row);
        this.onRow(row);
      }
  }
  async until(done: () => boolean, ms = 15_000): Promise<void> {
    const end = performance.now() + ms;
    for (;;) {
      this.round();
      if (done()) return;
      if (performance.now() > end) throw new Error(`not within ${ms} ms: ${this.state()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5);
        this.run.wake = () => {
          clearTimeout(timer);
          setImmediate(resolve);
        };
      });
    }
  }
  /** What is under way, for messages. */
  state(): string {
    return JSON.stringify(
      [...this.run.courier.ledger.symbols.values()].map((s) => ({
        held: s.held?.length,
        ready: s.ready,
        pictures: [this.run.courier.pictures, this.run.courier.failures],
        orders: s.orders.filter((o) => o.phase !== 'ended').map(({ intent: _, ...o }) => o),
      })),
    );
  }
  async commit(): Promise<void> {
    await this.run.commit({ epoch: ++this.#epoch, now: 0, offsets: {} } satisfies CommitMark);
  }
  reports(id?: string): Brought['values'][] {
    return this.rows
      .filter((r) => r.port === 'report' && (id === undefined || r.values['client_id'] === id))
      .map((r) => r.values);
  }
  /** `exec/status`, in order. */
  said(id: string): string[] {
    return this.reports(id).map((v) => (v['code'] === 0 ? `${v['exec']}/${v['status']}` : `${v['exec']} ${v['code']}`));
  }
  /** Ends the process as a crash would: nothing more is committed. */
  async close(): Promise<void> {
    await this.run.close();
  }
}
