import { type InputQuality, KeyTable } from '../../../graph/schema/index.ts';
import { type InputOptions, openInputs } from '../inputs.ts';
import { type PlainRow, readAll } from './decode-lines.ts';

/** Everything that opening files gives: rows as plain values, what was refused, and the instruments with their decimals. */
export async function readInputs(
  paths: readonly string[],
  options: InputOptions = {},
): Promise<{ rows: PlainRow[]; quality: InputQuality; keys: string[] }> {
  const keys = new KeyTable();
  const reader = await openInputs(paths, keys, options);
  const rows = await readAll(reader, keys);
  await reader.close();
  return { rows, quality: reader.quality!, keys: keys.list.map((k) => `${k.name} ${k.pxDigits} ${k.qtyDigits}`) };
}
