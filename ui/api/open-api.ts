import { z } from 'zod';
import { isKept, type Route, SERVICES } from './route.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of a list of routes: forms as zod has them, permissions and codes in words. */
export function openApi(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const r of routes) {
    const path = `/v1${r.path.replace(/:(\w+)/g, '{$1}')}`;
    const item = paths[path] ?? {};
    item[r.method.toLowerCase()] = operation(r);
    paths[path] = item;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chimera',
      version: '1',
      description:
        'The HTTP faces of the services S1 to S12. Each path exists as written and without /v1. Commands need an Idempotency-Key.',
    },
    tags: Object.entries(SERVICES).map(([id, s]) => ({ name: id, description: `${s.name} (port ${s.port})` })),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'chimera_refresh' },
      },
      schemas: { Problem: PROBLEM },
    },
    paths,
  };
}

function operation(r: Route): Json {
  const { rule } = r;
  const open = rule === 'open' || rule === 'cookie';
  const words = Array.isArray(rule) ? rule.join(' or ') : rule;
  const refusals: Json = { default: problem('Refused: code, sentence, what to do.') };
  if (!open) {
    refusals['401'] = problem('No token, or one that is not accepted.');
    refusals['403'] = problem(`The permission is missing: ${words}.`);
  }
  const status = String(r.status ?? (r.method === 'DELETE' ? 204 : 200));
  const type = r.type ?? 'application/json';
  return {
    operationId: `${r.method.toLowerCase()}${r.path.replace(/[^A-Za-z0-9]+(.)?/g, (_, c: string | undefined) => (c ?? '').toUpperCase())}`,
    tags: [r.service],
    summary: r.summary,
    description: `Permission: ${words}.${r.codes ? ` Codes: ${r.codes.join(', ')}.` : ''}`,
    security: open ? (rule === 'cookie' ? [{ cookie: [] }] : []) : [{ token: [] }],
    parameters: [
      ...fields(r.params, 'path'),
      ...fields(r.query, 'query'),
      ...(isKept(r)
        ? [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: true,
              schema: { type: 'string', minLength: 8, maxLength: 128, pattern: '^[!-~]+$' },
            },
          ]
        : []),
    ],
    ...(r.body
      ? {
          requestBody: {
            required: !r.body.safeParse(undefined).success,
            content: { 'application/json': { schema: jsonSchema(r.body) } },
          },
        }
      : {}),
    responses: {
      [status]: {
        description: 'Done.',
        ...(status === '204' ? {} : { content: { [type.split(';')[0]!]: {} } }),
      },
      ...refusals,
    },
  };
}

function fields(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, s]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: s,
  }));
}

function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return rest;
}
const problem = (description: string): Json => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const PROBLEM: Json = {
  type: 'object',
  required: ['error', 'correlation_id'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', pattern: '^CHM[0-9]+$' },
        message: { type: 'string' },
        help: { type: 'string' },
        where: { type: 'string' },
      },
    },
    correlation_id: { type: 'string' },
  },
};
