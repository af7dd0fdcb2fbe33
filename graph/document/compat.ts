import { type Field, isNumberField, Scalar, type Schema } from '../schema/index.ts';

/** What keeps a producer's record from being read as the consumer's; undefined when it fits. More fields never hurt. */
export function misfit(consumer: Schema, producer: Schema): string | undefined {
  const missing: string[] = [];
  for (const [name, wanted] of Object.entries(consumer.fields)) {
    const given = Object.hasOwn(producer.fields, name) ? producer.fields[name] : undefined;
    if (!given) {
      missing.push(name);
      continue;
    }
    const reason = fieldMisfit(wanted, given);
    if (reason) return `its field \`${name}\` ${reason}`;
  }
  if (missing.length === 0) return undefined;
  const shown = missing.slice(0, 6).map((m) => `\`${m}\``);
  return `it has no ${shown.join(', ')}${missing.length > 6 ? ` and ${missing.length - 6} more` : ''}`;
}

function fieldMisfit(wanted: Field, given: Field): string | undefined {
  if (wanted.kind !== given.kind) return `is ${kindText(given)}, not ${kindText(wanted)}`;
  if (wanted.kind === 'list' && given.kind === 'list' && wanted.of !== given.of)
    return `is ${kindText(given)}, not ${kindText(wanted)}`;
  if (wanted.kind === 'oneOf' && given.kind === 'oneOf') {
    const extra = given.values.filter((v) => !wanted.values.includes(v));
    if (extra.length > 0) return `can be ${extra.map((v) => `\`${v}\``).join(', ')}, which the in-port does not know`;
  }
  return undefined;
}

export const kindText = (f: Field): string => (f.kind === 'list' ? `list of ${f.of}` : f.kind);

export const acceptsScalar = (schema: Schema): boolean => misfit(schema, Scalar) === undefined;

/** Fields that a reference can take out of a record as a number. */
export const numberFields = (schema: Schema): string[] =>
  Object.entries(schema.fields)
    .filter(([, f]) => isNumberField(f))
    .map(([name]) => name);
