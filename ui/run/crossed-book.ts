import type { Ctx } from '../../graph/node.ts';
import {
  type KeyTable,
  type ListColumn,
  MARKET_PORTS,
  type PortColumns,
  type Schema,
  Vec,
} from '../../graph/schema/index.ts';
import type { BookCheck, BookVerdict } from '../../lake/quality.ts';
import { orderBook } from '../../operators/silver/order-book.ts';

type State = ReturnType<typeof orderBook.state>;
type Tick = Parameters<typeof orderBook.step>[1];
type View = Record<string, unknown> & { ticked: boolean; seen: boolean };

/** Rebuilds every instrument's book with the very operator that pipelines use, to count crossed books in an import. */
export function crossedBook(keys: KeyTable): BookCheck {
  const books: (State | undefined)[] = [];
  const crossed: boolean[] = [];
  const config = orderBook.config.parse({});
  const depth = view(MARKET_PORTS.depth);
  const snapshot = view(MARKET_PORTS.depth_snapshot);
  const tick = { depth: depth.record, snapshot: snapshot.record, rest: [] } as unknown as Tick;
  const nothing = () => undefined;
  const emit = { top: nothing, depth: nothing, best: nothing, ladder: nothing, state: nothing };
  return {
    apply(key: number, port: 'depth' | 'depth_snapshot', columns: PortColumns, row: number): BookVerdict {
      const info = keys.at(key);
      let state = books[key];
      if (!state) {
        state = orderBook.state(config, info);
        books[key] = state;
      }
      const used = port === 'depth' ? depth : snapshot;
      used.read(columns, row);
      const context: Ctx = { ...IDLE, key: info, keys };
      orderBook.step(state, tick, config, emit, context);
      used.record.ticked = false;
      const { bids, asks } = state.book;
      const now = bids.n > 0 && asks.n > 0 && bids.px[bids.n - 1]! > asks.px[asks.n - 1]!;
      const newly = now && crossed[key] !== true;
      crossed[key] = now;
      return newly ? 'crossed' : state.live ? 'ok' : 'stale';
    },
  };
}

const IDLE = {
  now: 0,
  timer: 0,
  node: 'book',
  rest: [],
  cause: { source: 'import', seq: 0 },
  at: () => undefined,
  after: () => undefined,
  cancel: () => undefined,
  count: () => undefined,
} as unknown as Ctx;

/** A record view over one row of columns. */
function view(schema: Schema): { record: View; read(columns: PortColumns, row: number): void } {
  const record: View = { ticked: false, seen: false };
  const fields = Object.entries(schema.fields);
  for (const [name, f] of fields) record[name] = f.kind === 'list' ? new Vec() : 0;
  return {
    record,
    read(columns, row) {
      fields.forEach(([name, f], i) => {
        const c = columns.columns[i]!;
        if (f.kind === 'list') {
          const { values, offsets } = c as ListColumn;
          (record[name] as Vec).set(values, offsets[row]!, offsets[row + 1]!);
        } else record[name] = (c as Float64Array)[row];
      });
      record.ticked = true;
      record.seen = true;
    },
  };
}
