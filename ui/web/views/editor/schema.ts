/** What the editor reads of the project's JSON Schema (draft 7). */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly if?: { readonly properties?: Readonly<Record<string, { readonly const?: unknown }>> };
  readonly then?: Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** All schemas that apply to a place: alternatives and conditions are followed as far as the node's type decides them. */
export function schemasAt(root: Schema, path: readonly string[], nodeType: string | undefined): Schema[] {
  let here = spread(root, root, nodeType);
  for (const key of path)
    here = here
      .flatMap((s): Schema[] => {
        const own = s.properties?.[key];
        if (own) return [own];
        if (typeof s.additionalProperties === 'object') return [s.additionalProperties];
        return s.items ? [s.items] : [];
      })
      .flatMap((s) => spread(root, s, nodeType));
  return here;
}

function spread(root: Schema, s: Schema, nodeType: string | undefined, depth = 0): Schema[] {
  if (depth > 8) return [s];
  const more = (x: Schema) => spread(root, x, nodeType, depth + 1);
  const out = [s];
  if (s.$ref?.startsWith('#/definitions/')) {
    const target = root.definitions?.[s.$ref.slice('#/definitions/'.length)];
    if (target) out.push(...more(target).map((x) => (s.description ? { ...x, description: s.description } : x)));
  }
  for (const x of [...(s.anyOf ?? []), ...(s.oneOf ?? [])]) out.push(...more(x));
  for (const x of s.allOf ?? []) {
    const asked = x.if?.properties?.['type']?.const;
    if (asked === undefined) out.push(...more(x));
    else if (asked === nodeType && x.then) out.push(...more(x.then));
  }
  return out;
}

export interface Word {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
}
/** Keys that may stand in a mapping. */
export function keysOf(schemas: readonly Schema[]): Word[] {
  const found = new Map<string, Word>();
  const required = new Set(schemas.flatMap((s) => s.required ?? []));
  for (const s of schemas)
    for (const [name, p] of Object.entries(s.properties ?? {})) {
      const known = found.get(name);
      if (!known?.description)
        found.set(name, { name, description: p.description ?? '', required: required.has(name) });
    }
  return [...found.values()];
}
/** Values that are named: constants, choices, true and false. */
export function valuesOf(schemas: readonly Schema[]): { name: string; description: string }[] {
  const found = new Map<string, string>();
  for (const s of schemas) {
    if (s.const !== undefined) found.set(String(s.const), s.description ?? '');
    for (const v of s.enum ?? []) found.set(String(v), s.description ?? '');
    if (s.type === 'boolean') for (const v of ['true', 'false']) found.set(v, s.description ?? '');
  }
  return [...found].map(([name, description]) => ({ name, description }));
}
/** Whether a reference to a node or port may stand there. */
export const takesReference = (schemas: readonly Schema[]): boolean =>
  schemas.some((s) => s.description?.startsWith('`node`') || s.$ref?.endsWith('/reference') === true);

/** One paragraph about a key: what it is, its kind, bounds and default. */
export function about(schemas: readonly Schema[]): { description: string; facts: string } | undefined {
  const description = schemas.find((s) => s.description)?.description ?? '';
  const facts: string[] = [];
  const types = [
    ...new Set(schemas.flatMap((s) => (s.type === undefined || s.pattern?.startsWith('^\\$') ? [] : [s.type].flat()))),
  ];
  if (types.length > 0) facts.push(types.join(' | '));
  const choices = schemas.flatMap((s) => s.enum ?? []);
  if (choices.length > 0) facts.push(choices.map(String).join(' | '));
  const min = schemas.find((s) => s.minimum !== undefined)?.minimum;
  const max = schemas.find((s) => s.maximum !== undefined)?.maximum;
  if (min !== undefined) facts.push(`≥ ${min}`);
  if (max !== undefined) facts.push(`≤ ${max}`);
  const standard = schemas.find((s) => s.default !== undefined)?.default;
  if (standard !== undefined) facts.push(`default ${JSON.stringify(standard)}`);
  return description === '' && facts.length === 0 ? undefined : { description, facts: facts.join(', ') };
}
