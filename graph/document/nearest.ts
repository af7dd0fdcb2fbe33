import { distance } from 'fastest-levenshtein';

/** The candidate that was probably meant, or undefined when none is near enough to be worth a suggestion. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > 200) return undefined;
  const plain = normal(word);
  let best: string | undefined;
  let least = Math.min(3, Math.max(1, Math.floor(plain.length / 3))) + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    const other = normal(candidate);
    if (Math.abs(other.length - plain.length) >= least) continue;
    const d = edits(plain, other);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  if (best !== undefined) return best;
  // A word that was cut short or carries a prefix too many (`ema` for `feature.ema`): only when there is just one.
  if (plain.length < 3) return undefined;
  const containing = [...candidates].filter((c) => c !== word && pieces(c).includes(plain));
  return containing.length === 1 ? containing[0] : undefined;
}

/** Case and the choice of `_`, `-` and space are never what makes two names different. */
const normal = (name: string): string => name.toLowerCase().replace(/[-\s]/g, '_');
const pieces = (name: string): string[] => normal(name).split('.');

/** Levenshtein, where two neighbours exchanged count once. */
function edits(a: string, b: string): number {
  const d = distance(a, b);
  if (d !== 2 || a.length !== b.length) return d;
  for (let i = 0; i + 1 < a.length; i++)
    if (a[i] !== b[i]) return a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2) ? 1 : d;
  return d;
}
