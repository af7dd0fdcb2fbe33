import {
  AccountUpdate,
  BLOCK_ROWS,
  type Block,
  type Column,
  OrderReport,
  type PortColumns,
  type Schema,
  VenuePosition,
} from '../../graph/schema/index.ts';

export const GATEWAY_OUT = [
  { name: 'report', schema: OrderReport },
  { name: 'account', schema: AccountUpdate },
  { name: 'position', schema: VenuePosition },
] as const;
export type OutPort = (typeof GATEWAY_OUT)[number]['name'];

interface Row {
  readonly port: number;
  readonly key: number;
  readonly t: number;
  values: Readonly<Record<string, unknown>>;
}

/**
 * What came in and has not been taken by the run. Reports and changes of the account are kept whatever happens; position
 * records only say how things stand, so a newer one takes the place of one that waits when there are many.
 */
export class ReportRing {
  readonly ports = GATEWAY_OUT;
  readonly #rows: Row[] = [];
  #from = 0;
  #t = Number.NEGATIVE_INFINITY;
  /** Rows ever added and taken. */
  added = 0;
  taken = 0;

  /** @param t arrival, µs */
  push(port: OutPort, key: number, t: number, values: Readonly<Record<string, unknown>>): void {
    const p = GATEWAY_OUT.findIndex((o) => o.name === port);
    if (port === 'position' && this.#rows.length - this.#from > BLOCK_ROWS)
      for (let i = this.#rows.length - 1; i >= this.#from; i--) {
        const waiting = this.#rows[i]!;
        if (waiting.key !== key) continue;
        if (waiting.port !== p) break;
        waiting.values = values;
        return;
      }
    this.#t = Math.max(this.#t, t);
    this.#rows.push({ port: p, key, t: this.#t, values });
    this.added++;
  }
  get waiting(): number {
    return this.#rows.length - this.#from;
  }

  take(nowUs: number): Block | null {
    let n = 0;
    while (n < BLOCK_ROWS && this.#from + n < this.#rows.length && this.#rows[this.#from + n]!.t <= nowUs) n++;
    if (n === 0) return null;
    const rows = this.#rows.slice(this.#from, this.#from + n);
    this.#from += n;
    this.taken += n;
    if (this.#from > 4096 || this.#from === this.#rows.length) {
      this.#rows.splice(0, this.#from);
      this.#from = 0;
    }
    const counts = GATEWAY_OUT.map(() => 0);
    const block: Block = {
      n,
      seq0: 0,
      t: Float64Array.from(rows, (r) => r.t),
      port: Uint8Array.from(rows, (r) => r.port),
      key: Int32Array.from(rows, (r) => r.key),
      row: Int32Array.from(rows, (r) => counts[r.port]!++),
      ports: GATEWAY_OUT.map((o, p) =>
        columnsOf(
          o.schema,
          rows.filter((r) => r.port === p),
        ),
      ),
    };
    return block;
  }
}

function columnsOf(schema: Schema, rows: readonly Row[]): PortColumns {
  const columns = Object.entries(schema.fields).map(([name, f]): Column => {
    if (f.kind === 'text') return rows.map((r) => r.values[name] as string);
    return Float64Array.from(rows, (r) => {
      const v = r.values[name];
      return f.kind === 'oneOf' ? f.values.indexOf(v as string) : Number(v);
    });
  });
  return { n: rows.length, columns };
}
