import { nearest } from './nearest.ts';
import { parseYaml } from './parse.ts';
import { listing, type Report } from './report.ts';
import { describe, type MapTree, quote, Source, type Span, type Tree, unresolved, type Via } from './tree.ts';

/** The parameters of a document with their values after presets and `--set`, and what has been used of them. */
export interface Params {
  readonly values: ReadonlyMap<string, Param>;
  readonly used: Set<string>;
}
interface Param {
  value: Tree;
  /** Where the parameter is declared. */
  readonly declared: Span;
}

const REFERENCE = /^\$([A-Za-z_][A-Za-z0-9_]*)$/;
const NAME = /^[a-z][a-z0-9_]*$/;
/** Name of `--set preset=<name>`; so no parameter can be called so. */
const PRESET = 'preset';

/** Reads `params:` and `presets:`, then applies `--set preset=…` and the other `--set`s, in this order. */
export function readParams(
  params: MapTree | undefined,
  presets: MapTree | undefined,
  sets: Readonly<Record<string, string>>,
  report: Report,
): Params {
  const values = new Map<string, Param>();
  for (const { key, keySpan, value } of params?.entries ?? []) {
    if (!NAME.test(key) || key === PRESET)
      report.add('CHM105', keySpan, `${quote(key)} cannot be the name of a parameter`, {
        help:
          key === PRESET
            ? '`--set preset=<name>` chooses a preset; give the parameter another name'
            : 'names are lower-case letters, digits and _, beginning with a letter',
      });
    values.set(key, { value: withoutReferences(value, report), declared: keySpan });
  }
  const names = [...values.keys()];
  const unknown = (span: Span, name: string) =>
    report.add('CHM120', span, `unknown parameter ${quote(name)}`, {
      suggestion: nearest(name, names),
      help: names.length > 0 ? `params: ${listing(names)}` : 'the document declares no `params:`',
    });

  const bySet = new Map<string, MapTree>();
  for (const { key, keySpan, value } of presets?.entries ?? []) {
    if (!NAME.test(key))
      report.add('CHM105', keySpan, `${quote(key)} cannot be the name of a preset`, {
        help: 'names are lower-case letters, digits and _, beginning with a letter',
      });
    if (value.kind !== 'map') {
      report.add(
        'CHM103',
        value.span.end > value.span.start ? value.span : keySpan,
        `a preset is a mapping of parameters, not ${describe(value)}`,
        {
          help: 'write `presets: { recording: { interval: 5s } }`',
        },
      );
      continue;
    }
    bySet.set(key, withoutReferences(value, report) as MapTree);
    for (const e of value.entries) {
      if (!values.has(e.key)) unknown(e.keySpan, e.key);
    }
  }

  // Command line values have no place in a file: they get one of their own, so that messages can show them.
  const place = (name: string, text: string): Source => new Source(`--set ${name}=${text}`, text);
  const preset = Object.hasOwn(sets, PRESET) ? sets[PRESET] : undefined;
  if (preset !== undefined) {
    const chosen = bySet.get(preset);
    const source = place(PRESET, preset);
    if (!chosen)
      report.add('CHM122', { source, start: 0, end: preset.length }, `unknown preset ${quote(preset)}`, {
        suggestion: nearest(preset, bySet.keys()),
        help: `presets: ${listing([...bySet.keys()])}`,
      });
    for (const e of chosen?.entries ?? []) {
      const param = values.get(e.key);
      if (param) param.value = e.value;
    }
  }
  for (const [name, text] of Object.entries(sets)) {
    if (name === PRESET) continue;
    const source = place(name, text);
    const param = values.get(name);
    if (!param) {
      unknown({ source, start: 0, end: text.length }, name);
      continue;
    }
    const value = text.trim() === '' ? undefined : parseYaml(source, report);
    param.value = value ?? {
      kind: 'scalar',
      value: text,
      style: 'plain',
      span: { source, start: 0, end: text.length },
    };
  }
  return { values, used: new Set() };
}

function withoutReferences(tree: Tree, report: Report): Tree {
  if (tree.kind === 'map')
    return { ...tree, entries: tree.entries.map((e) => ({ ...e, value: withoutReferences(e.value, report) })) };
  if (tree.kind === 'seq') return { ...tree, items: tree.items.map((i) => withoutReferences(i, report)) };
  if (typeof tree.value !== 'string' || !REFERENCE.test(tree.value)) return tree;
  report.add('CHM125', tree.span, `a parameter cannot refer to a parameter: ${quote(tree.value)}`, {
    help: 'write the value; references are resolved in `nodes:` and `services:`',
  });
  return unresolved(tree.span);
}

/** Values that parameters may add to a document at most; a list used a thousand times is still a mistake. */
const BUDGET = 100_000;

/** Replaces `$name` wherever it is a whole value; `$$name` stands for the text `$name`. */
export function substitute(tree: Tree, params: Params, report: Report, node?: string): Tree {
  let spent = 0;
  const walk = (t: Tree): Tree => {
    if (t.kind === 'map') {
      const entries = t.entries.map((e) => ({ ...e, value: walk(e.value) }));
      return { ...t, entries };
    }
    if (t.kind === 'seq') return { ...t, items: t.items.map(walk) };
    if (typeof t.value !== 'string' || !t.value.includes('$')) return t;
    if (/^\$\$[A-Za-z_]/.test(t.value)) return { ...t, value: t.value.slice(1) };
    const m = REFERENCE.exec(t.value);
    if (!m) {
      warnEmbedded(t.value, t.span);
      return t;
    }
    const name = m[1]!;
    const param = params.values.get(name);
    if (!param) {
      const near = nearest(name, params.values.keys());
      if (near !== undefined) params.used.add(near);
      report.add('CHM120', t.span, `unknown parameter ${quote(`$${name}`)}`, {
        suggestion: near === undefined ? undefined : `$${near}`,
        help:
          params.values.size > 0
            ? `params: ${listing([...params.values.keys()])}; \`$$${name}\` stands for the text itself`
            : 'declare it under `params:`',
        node,
      });
      return unresolved(t.span);
    }
    params.used.add(name);
    return taken(param.value, { param: name, span: t.span });
  };
  // A value keeps the place where it is written: that is what has to be corrected.
  const taken = (value: Tree, via: Via): Tree => {
    if (++spent > BUDGET) return unresolved(value.span);
    if (value.kind === 'map')
      return { ...value, via, entries: value.entries.map((e) => ({ ...e, value: taken(e.value, via) })) };
    if (value.kind === 'seq') return { ...value, via, items: value.items.map((i) => taken(i, via)) };
    return { ...value, via };
  };
  const warnEmbedded = (text: string, span: Span): void => {
    for (const [, name] of text.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?/g))
      if (name !== undefined && params.values.has(name)) {
        report.add('CHM126', span, `\`$${name}\` inside a text is not replaced`, {
          help: 'a parameter stands for a whole value; make the whole text a parameter',
          node,
        });
        return;
      }
  };
  return walk(tree);
}

export function reportUnused(params: Params, report: Report): void {
  for (const [name, { declared }] of params.values)
    if (!params.used.has(name))
      report.add('CHM121', declared, `the parameter ${quote(name)} is not used`, {
        help: `refer to it as \`$${name}\`, or remove it`,
      });
}
