import type { Field, Schema } from '../../../graph/schema/index.ts';
import type { ExprType } from './expression.ts';

/** What an expression may name: the fields of the features, and of each further record under its name (`position.roe`). */
export function scopeOf(
  features: Schema | undefined,
  roots: Readonly<Record<string, Schema>> = {},
): Map<string, ExprType> {
  const scope = new Map<string, ExprType>();
  const add = (prefix: string, schema: Schema): void => {
    for (const [name, field] of Object.entries(schema.fields)) {
      const type = typeOf(field);
      if (type) scope.set(prefix + name, type);
    }
  };
  if (features) add('', features);
  for (const [root, schema] of Object.entries(roots)) add(`${root}.`, schema);
  return scope;
}

/**
 * Exact amounts are not declared: as integers in the instrument's decimals they would silently be compared with plain
 * numbers. A field reference in the graph (`bars.close`) turns them into numbers.
 */
function typeOf(field: Field): ExprType | undefined {
  switch (field.kind) {
    case 'f64':
    case 'int':
      return { kind: 'number' };
    case 'bool':
      return { kind: 'bool' };
    case 'oneOf':
      return { kind: 'text', values: field.values };
    default:
      return undefined;
  }
}
