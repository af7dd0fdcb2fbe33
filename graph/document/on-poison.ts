import { nearest } from './nearest.ts';
import { listing, type Report } from './report.ts';
import { describe, type MapTree, quote } from './tree.ts';
import { ON_POISON, type OnPoison } from './types.ts';

/** Reads `on_poison:`: what a part does about entries of a family of streams that it cannot read. */
export function readOnPoison(
  tree: MapTree | undefined,
  families: readonly string[],
  report: Report,
): Record<string, OnPoison> | undefined {
  if (!tree || tree.entries.length === 0) return undefined;
  const policies: Record<string, OnPoison> = {};
  for (const { key, keySpan, value } of tree.entries) {
    const named = value.kind === 'scalar' ? ON_POISON.find((p) => p === value.value) : undefined;
    if (!families.includes(key))
      report.add('CHM506', keySpan, `\`on_poison\` names ${quote(key)}, which is no family of streams`, {
        suggestion: nearest(key, families),
        help: families.length === 0 ? 'give families names under `streams:` first' : `families: ${listing(families)}`,
      });
    else if (!named)
      report.add(
        'CHM103',
        value.span.end > value.span.start ? value.span : keySpan,
        `${quote(key)} is ${listing(ON_POISON)}, not ${describe(value)}`,
        {
          suggestion: value.kind === 'scalar' ? nearest(String(value.value), [...ON_POISON]) : undefined,
          help: 'write `on_poison: { ord:cmd: stop }`',
        },
      );
    else policies[key] = named;
  }
  return policies;
}
