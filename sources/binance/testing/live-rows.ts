import type { LiveClock } from '../../../graph/node.ts';
import { type Block, KeyTable, type LiveReader, type MarketPort } from '../../../graph/schema/index.ts';
import { PORTS } from '../../../lake/decode/row-store.ts';
import type { BinanceAccess } from '../access.ts';
import { binanceMarket } from '../market.ts';
import { MarketConfig } from '../market-config.ts';
import type { MarketReader } from '../market-reader.ts';

export interface LiveRow {
  t: number;
  port: MarketPort;
  key: number;
  [field: string]: unknown;
}

/** A live clock that a run would have: stamps are later than what was passed. */
export function wallClock(): LiveClock & { pass(): number } {
  let passed = 0;
  let last = 0;
  const now = (): number => {
    last = Math.max(last, Math.floor((performance.timeOrigin + performance.now()) * 1000));
    return last;
  };
  return {
    now,
    stamp: () => {
      if (now() <= passed) last = passed + 1;
      return last;
    },
    pass: () => {
      passed = now();
      return passed;
    },
  };
}

/** Opens the source as a run would and collects its rows. */
export class LiveRows {
  readonly rows: LiveRow[] = [];
  readonly keys: KeyTable;
  readonly reader: MarketReader;
  readonly #clock: LiveClock & { pass(): number };
  #arrived = (): void => {};

  private constructor(reader: MarketReader, keys: KeyTable, clock: LiveClock & { pass(): number }) {
    this.reader = reader;
    this.keys = keys;
    this.#clock = clock;
    (reader as LiveReader).wake = () => this.#arrived();
  }
  static async open(access: BinanceAccess, config: Record<string, unknown>): Promise<LiveRows> {
    const keys = new KeyTable();
    const clock = wallClock();
    const reader = (await binanceMarket.open(MarketConfig.parse({ symbols: ['BTCUSDT'], ...config }), {
      keys,
      inputs: [],
      dir: undefined,
      pipeline: 'test',
      node: 'market',
      seed: 1,
      clock,
      access: { binance: access },
    })) as MarketReader;
    return new LiveRows(reader, keys, clock);
  }

  /** Takes everything that has arrived. */
  take(): void {
    for (;;) {
      const now = this.#clock.pass();
      const block = this.reader.poll(now);
      if (block === null) return;
      if (block.t[block.n - 1]! > now) throw new Error('a row from after the time of the poll');
      collect(block, this.rows);
    }
  }
  /** Goes on taking until `enough`. */
  async until(enough: () => boolean): Promise<void> {
    for (;;) {
      this.take();
      if (enough()) return;
      // `enough` may look at what makes no row; so it is asked now and then.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  of(port: MarketPort): LiveRow[] {
    return this.rows.filter((r) => r.port === port);
  }
  ids(): number[] {
    return this.of('trade').map((r) => r['id'] as number);
  }
  close(): Promise<void> {
    return this.reader.close();
  }
}

function collect(block: Block, into: LiveRow[]): void {
  for (let i = 0; i < block.n; i++) {
    const { name, schema } = PORTS[block.port[i]!]!;
    const row: LiveRow = { t: block.t[i]!, port: name as MarketPort, key: block.key[i]! };
    const { columns } = block.ports[block.port[i]!]!;
    Object.keys(schema.fields).forEach((field, f) => {
      const c = columns[f]!;
      const r = block.row[i]!;
      row[field] = 'offsets' in c ? Array.from(c.values.subarray(c.offsets[r], c.offsets[r + 1])) : c[r];
    });
    into.push(row);
  }
}
