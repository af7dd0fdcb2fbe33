import type { ReactNode } from 'react';
import { Empty } from './parts.tsx';

export interface Column<T> {
  /** What stands above it. */
  readonly head: string;
  readonly cell: (row: T) => ReactNode;
  /** `n`: figures, to the right; `nowrap`, `wide`, `mono`, `dim`: how it is set. */
  readonly look?: string;
  /** The cell that names the row. */
  readonly names?: boolean;
}

/** Rows under named columns; what stands there when there are none. */
export function Table<T>(props: {
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string | number;
  none?: ReactNode;
}) {
  const { rows, columns, keyOf, none } = props;
  if (rows.length === 0 && none !== undefined) return <Empty>{none}</Empty>;
  const right = (c: Column<T>): string | undefined => (c.look?.split(' ').includes('n') ? 'n' : undefined);
  return (
    <table>
      <thead>
        <tr>
          {columns.map((c) => (
            <th key={c.head} scope="col" className={right(c)}>
              {c.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((c) =>
              c.names ? (
                <th key={c.head} scope="row" className={c.look}>
                  {c.cell(row)}
                </th>
              ) : (
                <td key={c.head} className={c.look}>
                  {c.cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
