import { isNumberField, type Schema } from '../../../graph/schema/index.ts';
import { compile, type Row } from '../../../operators/decision/cel/compile.ts';
import { type ExprType, parseExpression } from '../../../operators/decision/cel/expression.ts';
import { ApiError } from '../problem.ts';

/** A condition in CEL over the fields of a port (amounts in units), and `key`. @throws CHM1137 */
export function tapFilter(text: string, schema: Schema): (row: Row) => boolean {
  const scope = new Map<string, ExprType>([['key', { kind: 'text', values: null }]]);
  for (const [name, f] of Object.entries(schema.fields)) {
    if (f.kind === 'bool') scope.set(name, { kind: 'bool' });
    else if (f.kind === 'oneOf') scope.set(name, { kind: 'text', values: f.values });
    else if (f.kind === 'text') scope.set(name, { kind: 'text', values: null });
    else if (isNumberField(f)) scope.set(name, { kind: 'number' });
  }
  const { expr, issues } = parseExpression(text, scope, 'bool');
  const issue = issues[0];
  if (!expr || issue)
    throw new ApiError(
      'CHM1137',
      `the condition is not accepted: ${issue?.code ?? ''} ${issue?.message ?? ''}`.trim(),
      {
        field: 'filter',
        help: issue?.help ?? `fields are: ${[...scope.keys()].join(', ')}`,
      },
    );
  const holds = compile(expr);
  return (row) => holds(row, NONE) === true;
}
const NONE: Row = Object.freeze({});
