import type { Ctx } from '../../graph/node.ts';
import {
  Depth,
  DepthSnapshot,
  KeyTable,
  type ListColumn,
  type PortColumns,
  type Schema,
  Vec,
} from '../../graph/schema/index.ts';
import type { BookCheck } from '../../lake/quality.ts';
import { orderBook } from '../../operators/silver/order-book.ts';

type View = Record<string, unknown> & { ticked: boolean };

/** One instrument's book, rebuilt by the very node that trades on it. */
class CheckedBook {
  readonly #depth = blank(Depth);
  readonly #snapshot = blank(DepthSnapshot);
  readonly #config = orderBook.config.parse({});
  readonly #state: ReturnType<typeof orderBook.state>;
  readonly #ctx: { timer: number } & Ctx;
  #found: 'ok' | 'crossed' | 'stale' = 'ok';
  #again = false;
  readonly #emit = {
    top: () => {},
    depth: () => {},
    best: () => {},
    ladder: () => {},
    state: ({ state, reason }: { state: string; reason: string }) => {
      if (state === 'live') this.#found = 'ok';
      else this.#found = state === 'stale' && /^(crossed|locked)/.test(reason) ? 'crossed' : 'stale';
    },
  };

  constructor(keys: KeyTable) {
    const key = keys.at(0);
    this.#state = orderBook.state(this.#config, key);
    this.#ctx = {
      now: 0,
      timer: 0,
      key,
      keys,
      node: 'book',
      rest: [],
      cause: { source: 'import', seq: 0 },
      at: () => {
        this.#again = true;
      },
      after: () => {},
      cancel: () => {},
      count: () => {},
    };
  }
  apply(port: 'depth' | 'depth_snapshot', columns: PortColumns, row: number): 'ok' | 'crossed' | 'stale' {
    const [view, schema] = port === 'depth' ? [this.#depth, Depth] : [this.#snapshot, DepthSnapshot];
    fill(view, schema, columns, row);
    view.ticked = true;
    const before = this.#found;
    this.#found = before === 'crossed' ? 'stale' : before;
    this.#step(0);
    view.ticked = false;
    while (this.#again) {
      this.#again = false;
      this.#step(1);
    }
    return this.#found;
  }
  #step(timer: number): void {
    this.#ctx.timer = timer;
    const tick = { depth: this.#depth, snapshot: this.#snapshot, rest: [] };
    orderBook.step(this.#state, tick as never, this.#config, this.#emit as never, this.#ctx);
  }
}

/** Finds crossed books in an import: each crossing counts once, and ends with the snapshot that repairs the book. */
export function createBookCheck(): BookCheck {
  const books = new Map<string, CheckedBook>();
  const keys = new KeyTable();
  keys.declare('any');
  return {
    apply(key, port, columns, row) {
      let book = books.get(String(key));
      if (!book) {
        book = new CheckedBook(keys);
        books.set(String(key), book);
      }
      return book.apply(port, columns, row);
    },
  };
}

function blank(schema: Schema): View {
  const fields = Object.entries(schema.fields).map(([name, f]) => [name, f.kind === 'list' ? new Vec() : 0]);
  return { ...Object.fromEntries(fields), ticked: false, seen: true } as View;
}
function fill(view: View, schema: Schema, columns: PortColumns, row: number): void {
  Object.entries(schema.fields).forEach(([name, f], i) => {
    const c = columns.columns[i]!;
    if (f.kind === 'list') {
      const { values, offsets } = c as ListColumn;
      (view[name] as Vec).set(values, offsets[row]!, offsets[row + 1]!);
    } else view[name] = (c as Float64Array)[row]!;
  });
}
