import { type AnyNode, inPortsOf, restOf } from '../node.ts';
import type { Registry } from '../registry.ts';
import { configSchema, type JsonSchema } from './config-schema.ts';
import { ID, ON_ERROR, VERSION } from './shape.ts';
import { FAMILY } from './streams.ts';
import { ON_POISON } from './types.ts';

const ID_PATTERN = ID.source;
const PARAMETER = { $ref: '#/definitions/parameter' };
const DURATION = '^(0|[1-9][0-9]{0,15})(us|ms|s|m|h|d)$';

/**
 * JSON Schema (draft 7) of pipeline documents for editors (`# yaml-language-server: $schema=…`): completion and help for
 * every key, every node type with its in-ports and options. It knows a document's form; wiring is lint's.
 */
export function pipelineJsonSchema(registry: Registry): JsonSchema {
  const types = [...registry].sort((a, b) => (a.type < b.type ? -1 : 1));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Chimera pipeline',
    description: 'One declarative graph: nodes, how they are connected, and the services they run in.',
    type: 'object',
    required: ['chimera', 'pipeline', 'nodes'],
    additionalProperties: false,
    properties: {
      chimera: { const: VERSION, description: 'Version of the document format.' },
      pipeline: { type: 'string', pattern: '^[a-z][a-z0-9_.-]{0,63}$', description: 'Name of the pipeline.' },
      doc: { type: 'string', description: 'What the pipeline does.' },
      params: {
        type: ['object', 'null'],
        description:
          'Parameters with their defaults. `$name` stands for a parameter wherever a value stands; `--set name=value` overrides.',
        propertyNames: { pattern: ID_PATTERN },
      },
      presets: {
        type: ['object', 'null'],
        description: 'Named sets of parameters: `--set preset=<name>`.',
        propertyNames: { pattern: ID_PATTERN },
        additionalProperties: { type: 'object' },
      },
      nodes: {
        type: 'object',
        description: 'The nodes by id, in the order in which ties are run.',
        propertyNames: { pattern: ID_PATTERN },
        additionalProperties: { $ref: '#/definitions/node' },
        minProperties: 1,
      },
      services: {
        type: ['object', 'null'],
        description: 'Service → its nodes. With services, every node is in exactly one.',
        propertyNames: { pattern: ID_PATTERN },
        additionalProperties: { type: 'array', items: { type: 'string' } },
      },
      streams: {
        type: ['object', 'null'],
        description:
          'Name of a family of streams → nodes, or services, whose records travel in it when the graph is cut along its services. One stream per instrument: `mkt:{usdm:BTCUSDT}`.',
        propertyNames: { pattern: FAMILY.source },
        additionalProperties: { anyOf: [{ type: ['array', 'null'], items: { type: 'string' } }, PARAMETER] },
      },
      on_poison: {
        type: ['object', 'null'],
        description:
          'Family of streams → what a part does about an entry that it cannot read: `dead_letter` (default) puts it aside and goes on, `stop` ends the service.',
        propertyNames: { pattern: FAMILY.source },
        additionalProperties: { anyOf: [{ enum: [...ON_POISON] }, PARAMETER] },
      },
      tests: { type: 'array', description: 'Tests of the pipeline.', items: { type: 'object', required: ['name'] } },
      allow: { $ref: '#/definitions/allow' },
    },
    definitions: {
      parameter: {
        type: 'string',
        pattern: '^\\$[A-Za-z_][A-Za-z0-9_]*$',
        description: 'The value of a parameter.',
      },
      reference: {
        type: 'string',
        pattern: '^\\$?[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*){0,2}$',
        description: '`node`, `node.port` or `node.port.field`.',
      },
      allow: {
        type: ['array', 'null'],
        description: 'Findings that are right here. Both code and reason are needed.',
        items: {
          type: 'object',
          required: ['code', 'reason'],
          additionalProperties: false,
          properties: {
            code: { type: 'string', pattern: '^CHM[0-9]{3}$' },
            reason: { type: 'string', minLength: 8 },
          },
        },
      },
      node: node(types),
    },
  };
}

function node(types: readonly AnyNode[]): JsonSchema {
  return {
    type: 'object',
    required: ['type'],
    additionalProperties: false,
    properties: {
      type: {
        description: 'What the node is: `room.name`.',
        anyOf: [...types.map((t): JsonSchema => ({ const: t.type, description: t.summary })), PARAMETER],
      },
      in: { description: 'In-port → reference; a single reference when the type has one required in-port.' },
      with: { type: ['object', 'string', 'null'], description: 'Options of the node type.' },
      each: { anyOf: [{ const: 'instrument' }, PARAMETER], description: 'One instance per instrument.' },
      feedback: {
        description: 'Out-ports that close a loop: delivered in a later cycle.',
        type: ['array', 'null'],
        items: { type: 'string' },
      },
      delay: {
        anyOf: [{ type: 'string', pattern: DURATION }, PARAMETER],
        description: 'Engine time by which feedback is delivered later, such as `5ms`.',
      },
      on_error: {
        anyOf: [{ enum: [...ON_ERROR] }, PARAMETER],
        description: '`stop` ends the run (default); `quarantine` silences the instance of that key.',
      },
      doc: { type: 'string', description: 'What this node is for.' },
      allow: { $ref: '#/definitions/allow' },
    },
    allOf: types.map((t) => ({
      if: { properties: { type: { const: t.type } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema.
      then: ofType(t),
    })),
  };
}

function ofType(type: AnyNode): JsonSchema {
  const out: JsonSchema & { required: string[]; properties: Record<string, JsonSchema> } = {
    required: [],
    properties: {},
  };
  const config = withParameters(configSchema(type), true);
  out.properties['with'] = { ...config, description: type.summary };
  if ((configSchema(type).required ?? []).length > 0) out.required.push('with');
  if (type.kind === 'source') {
    out.properties['in'] = false as unknown as JsonSchema;
    return strip(out);
  }
  const ports = inPortsOf(type);
  const rest = restOf(type);
  const names = Object.keys(ports);
  const required = names.filter((n) => !ports[n]!.optional);
  const reference = { $ref: '#/definitions/reference' };
  const map: JsonSchema = {
    type: 'object',
    additionalProperties: rest ? reference : false,
    properties: Object.fromEntries(
      names.map((n) => {
        const p = ports[n]!;
        return [
          n,
          {
            allOf: [reference],
            description: `${p.schema.name}${p.optional ? ', optional' : ''}${p.doc ? `: ${p.doc}` : ''}`,
          },
        ];
      }),
    ),
    ...(required.length > 0 ? { required } : {}),
  };
  out.properties['in'] = required.length === 1 || (names.length === 1 && !rest) ? { anyOf: [reference, map] } : map;
  if (required.length > 0) out.required.push('in');
  return strip(out);
}

function strip(s: JsonSchema): JsonSchema {
  if (s.required?.length === 0) delete s.required;
  return s;
}

/** Every value may be a parameter instead. What an editor shows (description, default) stays outside of the choice. */
function withParameters(schema: JsonSchema, root: boolean): JsonSchema {
  const { description, default: preset, ...own } = schema;
  const inner: JsonSchema = { ...own };
  if (inner.properties)
    inner.properties = Object.fromEntries(
      Object.entries(inner.properties).map(([k, p]) => [k, withParameters(p, false)]),
    );
  if (inner.items)
    inner.items = Array.isArray(inner.items)
      ? inner.items.map((i) => withParameters(i, false))
      : withParameters(inner.items, false);
  if (inner.additionalProperties && typeof inner.additionalProperties === 'object')
    inner.additionalProperties = withParameters(inner.additionalProperties, false);
  for (const k of ['anyOf', 'oneOf', 'allOf'] as const)
    if (inner[k]) inner[k] = inner[k].map((o) => (o.properties ? withParameters(o, true) : o));
  // `z.object` does not say that it is closed, but lint holds it to what it declares.
  if (inner.properties && inner.additionalProperties === undefined) inner.additionalProperties = false;
  delete inner['x-duration'];
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
  };
  if (root) return { ...inner, ...shown };
  if (Object.keys(inner).length === 0) return shown;
  return { anyOf: [inner, PARAMETER], ...shown };
}
