import type { z } from 'zod';
import { type JsonSchema, keysOf, optionHelp, schemaAt } from './config-schema.ts';
import { nearest } from './nearest.ts';
import { listing, type Report, viaText } from './report.ts';
import { reportDuration } from './shape.ts';
import { describe, isUnresolved, quote, type Span, type Tree, toValue } from './tree.ts';

export type Issue = z.core.$ZodIssue;

/** A place inside `with`. */
export interface Spot {
  /** The value; undefined when the document does not have it. */
  readonly tree: Tree | undefined;
  /** The value's place; that of the key which should hold it when it is missing. */
  readonly span: Span;
  /** The place of the key of the mapping around it. */
  readonly owner: Span;
  /** Key of this value, when it is one of a mapping's. */
  readonly keySpan: Span | undefined;
}

/** Says zod's issues in our words, each at the place that has to be corrected. */
export class IssueMapper {
  readonly #node: string;
  readonly #type: string;
  readonly #schema: JsonSchema;
  readonly #locate: (path: readonly PropertyKey[]) => Spot;
  readonly #report: Report;
  /** Missing options that an unknown key was probably meant to be. */
  readonly #meant = new Set<string>();
  constructor(
    node: string,
    type: string,
    schema: JsonSchema,
    locate: (path: readonly PropertyKey[]) => Spot,
    report: Report,
  ) {
    this.#node = node;
    this.#type = type;
    this.#schema = schema;
    this.#locate = locate;
    this.#report = report;
  }

  /** Schemas that drop unknown keys silently (`z.object`) are held to what they declare, too. */
  unknownKeys(tree: Tree, path: readonly PropertyKey[]): void {
    const schema = schemaAt(this.#schema, path);
    if (!schema || schema.anyOf || schema.oneOf || schema.allOf) return;
    if (tree.kind === 'seq') {
      for (const [i, item] of tree.items.entries()) this.unknownKeys(item, [...path, i]);
      return;
    }
    if (tree.kind !== 'map') return;
    const open = schema.additionalProperties !== undefined && schema.additionalProperties !== false;
    for (const { key, value, keySpan } of tree.entries) {
      const declared = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
      if (!declared && !open && schema.properties) this.#unknown(key, path, keySpan);
      else this.unknownKeys(value, [...path, key]);
    }
  }

  /** Unknown keys first: the key that was probably meant is not reported as missing, too. */
  all(issues: readonly Issue[], prefix: readonly PropertyKey[]): void {
    const unknown = (i: Issue) => (i.code === 'unrecognized_keys' ? 0 : 1);
    for (const issue of [...issues].sort((a, b) => unknown(a) - unknown(b))) this.issue(issue, prefix);
  }

  issue(issue: Issue, prefix: readonly PropertyKey[]): void {
    const path = [...prefix, ...issue.path];
    const at = this.#locate(path);
    if (at.tree && isUnresolved(at.tree)) return;
    const name = pathText(path);
    const schema = schemaAt(this.#schema, path);
    const add = (code: string, span: Span, message: string, suggestion?: string) =>
      this.#report.add(code, span, message, { suggestion, help: this.#help(path, schema, at), node: this.#node });
    const got = at.tree ? describe(at.tree) : 'nothing';

    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) this.#unknown(key, path, this.#locate([...path, key]).keySpan ?? at.span);
      return;
    }
    if (!at.tree && path.length > 0 && issue.code !== 'custom') {
      if (this.#meant.has(pathText(path))) return;
      const last = path.at(-1)!;
      const around = this.#locate(path.slice(0, -1)).tree;
      const known = keysOf(schemaAt(this.#schema, path.slice(0, -1)));
      const stranger =
        around?.kind === 'map' &&
        around.entries.find((e) => !known.includes(e.key) && nearest(e.key, [String(last)]) !== undefined);
      if (stranger) {
        this.#unknown(stranger.key, path.slice(0, -1), stranger.keySpan);
        return;
      }
      const inside = path.length > 1 ? ` in \`${pathText(path.slice(0, -1))}\`` : '';
      add('CHM111', at.owner, `${this.#type} needs the option ${quote(String(last))}${inside}`);
      return;
    }
    if (schema?.['x-duration'] && at.tree) {
      if (issue.code === 'custom') add('CHM113', at.span, `\`${name}\` ${issue.message}, not ${got}`);
      else reportDuration(at.tree, at.span, name, this.#report, this.#node);
      return;
    }
    const own = STOCK.test(issue.message) ? undefined : issue.message;
    switch (issue.code) {
      case 'invalid_type':
        add(
          'CHM112',
          at.span,
          own
            ? `\`${name}\`: ${own}`
            : `\`${name}\` must be ${expected(schema?.type === 'integer' ? 'int' : issue.expected)}, not ${got}`,
          retyped(issue.expected, at.tree),
        );
        return;
      case 'invalid_value': {
        const values = issue.values.map(String);
        const text = at.tree?.kind === 'scalar' ? String(at.tree.value) : undefined;
        add(
          'CHM114',
          at.span,
          `\`${name}\` must be ${values.length === 1 ? values[0] : `one of ${listing(values)}`}, not ${got}`,
          text === undefined ? undefined : values.length === 1 ? values[0] : nearest(text, values),
        );
        return;
      }
      case 'too_small':
      case 'too_big': {
        const small = issue.code === 'too_small';
        const limit = small ? issue.minimum : issue.maximum;
        const word = small
          ? issue.inclusive === false
            ? 'more than'
            : 'at least'
          : issue.inclusive === false
            ? 'less than'
            : 'at most';
        const units: Readonly<Record<string, string>> = {
          array: 'item',
          set: 'item',
          string: 'character',
          object: 'key',
        };
        const unit = issue.origin ? units[issue.origin] : undefined;
        const sized = unit ? ` ${unit}${Number(limit) === 1 ? '' : 's'}` : '';
        const size =
          at.tree?.kind === 'seq'
            ? `${at.tree.items.length}`
            : at.tree?.kind === 'map'
              ? `${at.tree.entries.length}`
              : got;
        add(
          'CHM113',
          at.span,
          own
            ? `\`${name}\`: ${own}`
            : `\`${name}\` must ${sized ? 'have' : 'be'} ${word} ${limit}${sized}, not ${sized && at.tree?.kind !== 'scalar' ? size : got}`,
        );
        return;
      }
      case 'not_multiple_of':
        add(
          'CHM113',
          at.span,
          own ? `\`${name}\`: ${own}` : `\`${name}\` must be a multiple of ${issue.divisor}, not ${got}`,
        );
        return;
      case 'invalid_format':
        add(
          'CHM113',
          at.span,
          own
            ? `\`${name}\`: ${own}, not ${got}`
            : `\`${name}\` has not the form ${issue.format === 'regex' ? issue.pattern : issue.format}: ${got}`,
        );
        return;
      case 'invalid_union':
        this.#union(issue, path, at, name, got, add);
        return;
      case 'invalid_key': {
        add(
          'CHM110',
          at.keySpan ?? at.span,
          `${quote(String(path.at(-1)))} cannot be a key of \`${pathText(path.slice(0, -1))}\``,
        );
        return;
      }
      case 'invalid_element':
        this.all(issue.issues as Issue[], path);
        return;
      default:
        add('CHM115', at.span, `${name ? `\`${name}\`: ` : ''}${issue.message}`);
    }
  }

  #union(
    issue: Extract<Issue, { code: 'invalid_union' }>,
    path: readonly PropertyKey[],
    at: Spot,
    name: string,
    got: string,
    add: (code: string, span: Span, message: string, suggestion?: string) => void,
  ): void {
    const discriminator = (issue as { options?: unknown }).options;
    if (Array.isArray(discriminator)) {
      const values = discriminator.map(String);
      const text = at.tree?.kind === 'scalar' ? String(at.tree.value) : undefined;
      this.#report.add('CHM114', at.span, `\`${name}\` must be one of ${listing(values)}, not ${got}`, {
        suggestion: text === undefined ? undefined : nearest(text, values),
        help: 'it decides which other options there are',
        node: this.#node,
      });
      return;
    }
    // The option that got furthest is the one that was meant: it alone is explained.
    const depth = (issues: readonly Issue[]) =>
      Math.min(...issues.map((i) => (i.code === 'unrecognized_keys' ? 1 : 0) + i.path.length));
    const options = (issue.errors as unknown as Issue[][]).filter((e) => e.length > 0);
    const best = [...options].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
    if (best && depth(best) > 0) {
      this.all(best, path);
      return;
    }
    const scalar = options.flat().find((i) => i.code !== 'invalid_type' && i.path.length === 0);
    if (scalar && options.filter((o) => o.some((i) => i.code === 'invalid_type')).length === options.length - 1) {
      this.issue(scalar, path);
      return;
    }
    const words = [
      ...new Set(
        options
          .flat()
          .map((i) =>
            i.code === 'invalid_type'
              ? expected(i.expected)
              : i.code === 'invalid_value'
                ? i.values.map(String).join(', ')
                : i.message,
          ),
      ),
    ];
    const values = options.flat().flatMap((i) => (i.code === 'invalid_value' ? i.values.map(String) : []));
    const text = at.tree?.kind === 'scalar' && typeof at.tree.value === 'string' ? at.tree.value : undefined;
    add(
      'CHM112',
      at.span,
      `\`${name}\` must be ${words.join(' or ')}, not ${got}`,
      text === undefined ? undefined : nearest(text, values),
    );
  }

  #unknown(key: string, path: readonly PropertyKey[], span: Span): void {
    const around = this.#locate(path).tree;
    const known = keysOf(branch(schemaAt(this.#schema, path), around));
    const open = known.filter((k) => around?.kind !== 'map' || !around.entries.some((e) => e.key === k));
    const suggestion = nearest(key, open) ?? nearest(key, known);
    if (suggestion !== undefined) this.#meant.add(pathText([...path, suggestion]));
    const inside = path.length > 0 ? ` in \`${pathText(path)}\`` : '';
    this.#report.add('CHM110', span, `${this.#type} has no option ${quote(key)}${inside}`, {
      suggestion,
      help: known.length > 0 ? `options: ${listing(known, 20)}` : `${this.#type} takes no options`,
      node: this.#node,
    });
  }

  #help(path: readonly PropertyKey[], schema: JsonSchema | undefined, at: Spot): string | undefined {
    const names = path.filter((p) => typeof p === 'string');
    const help = optionHelp(String(names.at(-1) ?? ''), path.length > 0 ? schema : undefined);
    const via = at.tree && viaText(at.tree);
    return [via, help].filter((t) => t !== undefined).join('; ') || undefined;
  }
}

/** Of a choice between mappings, the one whose fixed values the document has (`kind: time`). */
function branch(schema: JsonSchema | undefined, tree: Tree | undefined): JsonSchema | undefined {
  const options = schema?.oneOf ?? schema?.anyOf;
  if (!options || tree?.kind !== 'map') return schema;
  const value = toValue(tree) as Record<string, unknown>;
  const fits = (o: JsonSchema) =>
    Object.entries(o.properties ?? {}).every(
      ([k, p]) => p.const === undefined || (Object.hasOwn(value, k) && value[k] === p.const),
    );
  return options.find((o) => o.properties && fits(o)) ?? schema;
}

/** zod's own wording, which is replaced by ours; a message that a schema's author wrote is kept. */
const STOCK = /^(Invalid|Too (small|big)|Unrecognized|Expected)\b/;

function expected(type: string): string {
  switch (type) {
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'int':
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
    case 'tuple':
      return 'a list';
    case 'object':
    case 'record':
    case 'map':
      return 'a mapping';
    case 'null':
      return 'nothing';
    default:
      return type;
  }
}

/** The same value in the form that is expected, where that is beyond doubt. */
function retyped(type: string, tree: Tree | undefined): string | undefined {
  if (tree?.kind !== 'scalar' || tree.value === null) return undefined;
  const { value } = tree;
  if ((type === 'number' || type === 'int') && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return value;
  if (type === 'string' && typeof value !== 'string') return JSON.stringify(String(value));
  if (type === 'array') return typeof value === 'string' && /^[\w.:-]+$/.test(value) ? `[${value}]` : undefined;
  if (type === 'boolean' && typeof value === 'string') {
    if (/^(yes|on|y)$/i.test(value)) return 'true';
    if (/^(no|off|n)$/i.test(value)) return 'false';
    if (/^(true|false)$/i.test(value)) return value.toLowerCase();
  }
  return undefined;
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const p of path) text += typeof p === 'number' ? `[${p}]` : text === '' ? String(p) : `.${String(p)}`;
  return text;
}
