import { ChimeraError, type Schema } from '../graph/schema/index.ts';

/** Column types of a free table. ms and us are plain integers; `timestamp_us` is an instant in UTC. */
export type TableKind = 'f64' | 'int' | 'ms' | 'us' | 'bool' | 'text' | 'timestamp_us' | 'list';
export interface TableColumn {
  readonly name: string;
  readonly kind: TableKind;
}
/** NaN, null and undefined are 'no value'; true and false are 1 and 0. */
export type TableValue = number | string | boolean | null | undefined | ArrayLike<number>;

export const STAGE_ROWS = 2048;

/** Columns of a recorded port: source, seq, t_avail_us, key, then its fields, as in the lake. */
export function portColumns(schema: Schema): TableColumn[] {
  const fields = Object.entries(schema.fields).map(([name, f]): TableColumn => {
    switch (f.kind) {
      case 'text':
      case 'oneOf':
        return { name, kind: 'text' };
      case 'bool':
      case 'list':
      case 'int':
      case 'ms':
      case 'us':
        return { name, kind: f.kind };
      default:
        return { name, kind: 'f64' };
    }
  });
  return [
    { name: 'source', kind: 'text' },
    { name: 'seq', kind: 'int' },
    { name: 't_avail_us', kind: 'timestamp_us' },
    { name: 'key', kind: 'text' },
    ...fields,
  ];
}

const isNumeric = (k: TableKind): boolean => k !== 'text' && k !== 'list';

/** Up to 2,048 rows of one column, as typed arrays. */
export class ColumnStage {
  readonly column: TableColumn;
  readonly numbers = new Float64Array(STAGE_ROWS);
  readonly texts: (string | null)[] = new Array<string | null>(STAGE_ROWS).fill(null);
  /** List elements; row i is values[offsets[i] .. offsets[i + 1]). */
  values = new Float64Array(256);
  readonly offsets = new Int32Array(STAGE_ROWS + 1);

  constructor(column: TableColumn) {
    this.column = column;
  }
  set(row: number, value: TableValue): void {
    const { kind } = this.column;
    if (kind === 'text') {
      if (value !== null && value !== undefined && typeof value !== 'string') throw this.#bad(value);
      this.texts[row] = value ?? null;
      return;
    }
    if (kind === 'list') {
      this.#setList(row, value);
      return;
    }
    let x: number;
    if (typeof value === 'number') x = value;
    else if (value === null || value === undefined) x = Number.NaN;
    else if (typeof value === 'boolean') x = value ? 1 : 0;
    else throw this.#bad(value);
    if (!Number.isNaN(x) && !(kind === 'f64' ? Number.isFinite(x) : Number.isSafeInteger(x))) throw this.#bad(value);
    if (kind === 'bool' && (x < 0 || x > 1)) throw this.#bad(value);
    this.numbers[row] = x;
  }
  #setList(row: number, value: TableValue): void {
    if (value === null || value === undefined || typeof value !== 'object') throw this.#bad(value);
    const start = this.offsets[row]!;
    const end = start + value.length;
    if (end > this.values.length) {
      const grown = new Float64Array(Math.max(end, this.values.length * 2));
      grown.set(this.values.subarray(0, start));
      this.values = grown;
    }
    for (let i = 0; i < value.length; i++) {
      const x = value[i]!;
      if (x - x !== 0) throw this.#bad(x);
      this.values[start + i] = x;
    }
    this.offsets[row + 1] = end;
  }
  #bad(value: unknown): ChimeraError {
    return new ChimeraError(
      'CHM607',
      `column "${this.column.name}" (${this.column.kind}) cannot hold ${String(value)}`,
      {
        field: this.column.name,
        help: 'numbers must be finite, integers at most 2^53; a missing value is null or NaN',
      },
    );
  }
}
export { isNumeric };
