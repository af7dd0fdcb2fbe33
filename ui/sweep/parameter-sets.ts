import { readFileSync } from 'node:fs';
import { ChimeraError } from '../../graph/schema/index.ts';

/** Values of the parameters that differ, by name; texts, as `--set` takes them. */
export type ParameterSet = Readonly<Record<string, string>>;

/** More sets than anybody means; a typing mistake in a step is found before it runs for a day. */
const MOST_SETS = 100_000;

/**
 * `fast=5..20`, `fast=5..50:5`, `fast=5,8,13`: the values of one parameter.
 * @throws CHM911
 */
export function parseValues(text: string): { name: string; values: string[] } {
  const at = text.indexOf('=');
  const wrong = (why: string): ChimeraError =>
    new ChimeraError('CHM911', `--vary ${text}: ${why}`, {
      help: 'write NAME=FROM..TO, NAME=FROM..TO:STEP or NAME=VALUE,VALUE,…',
    });
  if (at <= 0) throw wrong('it has no values');
  const name = text.slice(0, at);
  const range = /^(-?[\d.]+)\.\.(-?[\d.]+)(?::([\d.]+))?$/.exec(text.slice(at + 1));
  if (!range) {
    const values = text.slice(at + 1).split(',');
    if (values.some((v) => v.trim() === '')) throw wrong('a value is empty');
    return { name, values: values.map((v) => v.trim()) };
  }
  const [from, to, step] = [range[1]!, range[2]!, range[3] ?? '1'].map(Number) as [number, number, number];
  if (![from, to, step].every(Number.isFinite) || !(step > 0) || to < from) throw wrong('the range is empty');
  const n = Math.floor((to - from) / step + 1e-9) + 1;
  if (n > MOST_SETS) throw wrong(`${n} values`);
  const digits = Math.max(...[range[1]!, range[3] ?? '1'].map((t) => (t.split('.')[1] ?? '').length));
  return { name, values: Array.from({ length: n }, (_, i) => String(Number((from + i * step).toFixed(digits)))) };
}

/** Every combination, the last parameter changing fastest. @throws CHM911 */
export function grid(vary: readonly string[]): ParameterSet[] {
  let sets: ParameterSet[] = [{}];
  for (const text of vary) {
    const { name, values } = parseValues(text);
    if (sets.length * values.length > MOST_SETS || name in sets[0]!)
      throw new ChimeraError(
        'CHM911',
        `--vary ${text}: ${name in sets[0]! ? 'it was named before' : 'too many sets'}`,
        {
          help: `name each parameter once, and at most ${MOST_SETS} sets`,
        },
      );
    sets = sets.flatMap((s) => values.map((v) => ({ ...s, [name]: v })));
  }
  return sets;
}

/** A list of sets: JSON (an array of objects), or CSV whose header names the parameters. @throws CHM910, CHM911 */
export function readSets(file: string): ParameterSet[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChimeraError('CHM910', `${file} cannot be read`, { file, cause, help: 'name a CSV or JSON file' });
  }
  const wrong = (): ChimeraError =>
    new ChimeraError('CHM911', `${file} holds no list of parameter sets`, {
      file,
      help: 'a JSON array of objects, or CSV with a header; every set names the same parameters',
    });
  if (!text.trim().startsWith('[')) {
    const [head, ...rows] = text
      .trim()
      .split(/\r?\n/)
      .map((l) => l.split(',').map((v) => v.trim()));
    if (!head || rows.length === 0 || rows.some((r) => r.length !== head.length)) throw wrong();
    return rows.map((r) => Object.fromEntries(head.map((name, i) => [name, r[i]!])));
  }
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw wrong();
  }
  if (!Array.isArray(list) || list.length === 0 || !list.every((s) => typeof s === 'object' && s !== null))
    throw wrong();
  const sets = list.map((s: object) => Object.fromEntries(Object.entries(s).map(([k, v]) => [k, String(v)])));
  const names = Object.keys(sets[0]!).join();
  if (sets.some((s) => Object.keys(s).join() !== names)) throw wrong();
  return sets;
}
