import { distance, closest as nearest } from 'fastest-levenshtein';

/** The name that was probably meant: the nearest one, when it is near at all. */
export function closest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const near = nearest(name, names);
  return distance(name, near) <= Math.max(1, Math.floor(Math.max(name.length, near.length) / 3)) ? near : undefined;
}
