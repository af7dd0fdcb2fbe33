import { KeyTable } from '../../../../graph/schema/index.ts';
import { openInputs } from '../../../../lake/decode/inputs.ts';
import { type Check, failed, failure, good, warning } from './check.ts';

/** Inputs as a run would read them: each is recognised by its content, decoded to its end, and what had to be refused counted. */
export async function recordingChecks(paths: readonly string[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const path of paths) {
    const name = `input ${path}`;
    try {
      const keys = new KeyTable();
      const reader = await openInputs([path], keys);
      let rows = 0;
      try {
        for (let block = await reader.read(); block !== null; block = await reader.read()) rows += block.n;
      } finally {
        await reader.close();
      }
      const refused = reader.quality?.bad_input.length ?? 0;
      const found = `${rows} events of ${keys.list.length} instrument${keys.list.length === 1 ? '' : 's'}`;
      if (rows === 0) checks.push(failure(name, 'CHM670', 'holds no event', 'name a recording that is not empty'));
      else if (refused > 0)
        checks.push(
          warning(
            name,
            reader.quality!.bad_input[0]!.code,
            `${found}, ${refused} lines refused`,
            '`chimera lake import` lists them; a run counts and passes over them',
          ),
        );
      else checks.push(good(name, found));
    } catch (e) {
      checks.push(failed(name, e, 'CHM670', 'name recorder files, archives, candles (CSV) or Parquet files'));
    }
  }
  return checks;
}
