import type { Block, BlockReader, KeyTable } from '../graph/schema/index.ts';

/** Every input of a reader as one line of text, exact to the bit: what two readers must agree in. For tests and `verify`. */
export async function blockRows(
  reader: BlockReader,
  keys: KeyTable,
  limit = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const out: string[] = [];
  for (let b = await reader.read(); b && out.length < limit; b = await reader.read())
    for (let i = 0; i < b.n; i++) out.push(rowText(b, i, reader.ports, keys));
  return out;
}

export function rowText(b: Block, i: number, ports: BlockReader['ports'], keys: KeyTable): string {
  const p = b.port[i]!;
  const r = b.row[i]!;
  const columns = b.ports[p]!.columns;
  const key = b.key[i]! < 0 ? '-' : keys.at(b.key[i]!).name;
  let line = `${b.seq0 + i} ${b.t[i]} ${ports[p]!.name} ${key}`;
  for (const c of columns) {
    if (c instanceof Float64Array) line += ` ${bits(c[r]!)}`;
    else if (Array.isArray(c)) line += ` ${JSON.stringify(c[r])}`;
    else line += ` [${Array.from(c.values.subarray(c.offsets[r]!, c.offsets[r + 1]!), bits).join(',')}]`;
  }
  return line;
}
const bits = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));
