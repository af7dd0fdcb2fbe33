import { refuse } from '../arango-error.ts';
import type { Direction, Expression, Statement } from './ast.ts';
import type { Evaluate } from './compile-expression.ts';
import type { Scope } from './scope.ts';
import { each, type MakeStage } from './stage.ts';
import { isObject, isTrue, type ObjectValue, own, type Value } from './values.ts';

type Traversal = Extract<Statement, { type: 'traversal' }>;
type Uniqueness = 'none' | 'path' | 'global';
interface Options {
  readonly bfs: boolean;
  readonly vertices: Uniqueness;
  readonly edges: Uniqueness;
}
interface Path {
  /** Ids of the vertices, and the edges between them. */
  readonly ids: readonly string[];
  readonly edges: readonly ObjectValue[];
}

/** A traversal over edge collections: breadth first or depth first, with the uniqueness that was asked for. */
export function compileTraversal(t: Traversal, scope: Scope, compiled: (e: Expression) => Evaluate): MakeStage {
  const { data } = scope;
  const from = t.collections.map(({ direction, collection }) => {
    const name = scope.collectionOf(collection);
    if (name === undefined) throw refuse('queryParse', 'AQL: a traversal needs collections of edges');
    if (!data.isEdges(name)) throw refuse('documentTypeInvalid', `AQL: collection '${name}' holds no edges`);
    return { direction, name: scope.read(name) };
  });
  const start = compiled(t.start);
  const min = t.min ? depthOf(compiled(t.min)([])) : 1;
  const max = t.max ? depthOf(compiled(t.max)([])) : min;
  if (max < min) throw refuse('queryParse', 'AQL: a traversal ends before it begins: minimum depth > maximum depth');
  const [v, e, p] = t.variables.map((name) => scope.declare(name));
  const prune = t.prune && compiled(t.prune);
  const options = optionsOf(t.options && compiled(t.options)([]));

  const vertex = (id: string): Value => {
    const slash = id.indexOf('/');
    const collection = id.slice(0, slash);
    return (data.has(collection) ? data.get(collection, id.slice(slash + 1)) : undefined) ?? null;
  };
  const next = (id: string): { edge: ObjectValue; to: string }[] =>
    from.flatMap(({ direction, name }) =>
      endsOf(direction).flatMap(([near, far]) =>
        data.edges(name, near, id).map((edge) => ({ edge, to: own(edge, far) as string })),
      ),
    );

  return each((f, out) => {
    const given = start(f);
    const first = isObject(given) ? own(given, '_id') : given;
    // What is no id is a warning and no rows.
    if (typeof first !== 'string' || !/^[^/]+\/[^/]+$/.test(first)) return true;
    const seenVertices = new Set<string>([first]);
    const seenEdges = new Set<string>();
    const waiting: Path[] = [{ ids: [first], edges: [] }];
    while (waiting.length > 0) {
      const path = (options.bfs ? waiting.shift() : waiting.pop())!;
      const depth = path.edges.length;
      f[v!] = vertex(path.ids.at(-1)!);
      if (e !== undefined) f[e] = path.edges.at(-1) ?? null;
      if (p !== undefined) f[p] = { vertices: path.ids.map(vertex), edges: [...path.edges] };
      // Decided before the row goes on: what is behind it may change the frame.
      const ends = depth >= max || (prune !== null && isTrue(prune(f)));
      if (depth >= min && !out.push(f)) return false;
      if (ends) continue;
      for (const { edge, to } of next(path.ids.at(-1)!)) {
        const id = own(edge, '_id') as string;
        if (options.edges === 'path' && path.edges.some((x) => own(x, '_id') === id)) continue;
        if (options.edges === 'global' && seenEdges.has(id)) continue;
        if (options.vertices === 'path' && path.ids.includes(to)) continue;
        if (options.vertices === 'global' && seenVertices.has(to)) continue;
        seenEdges.add(id);
        seenVertices.add(to);
        waiting.push({ ids: [...path.ids, to], edges: [...path.edges, edge] });
      }
    }
    return true;
  });
}

type End = '_from' | '_to';
const OUT: readonly [End, End] = ['_from', '_to'];
const IN: readonly [End, End] = ['_to', '_from'];
const endsOf = (d: Direction): (readonly [End, End])[] => (d === 'ANY' ? [OUT, IN] : [d === 'OUTBOUND' ? OUT : IN]);

function depthOf(v: Value): number {
  if (typeof v !== 'number' || !Number.isInteger(v) || v < 0)
    throw refuse('queryParse', 'AQL: invalid traversal depth (while instantiating plan)');
  return v;
}
function optionsOf(given: Value): Options {
  const o = { bfs: false, vertices: 'none', edges: 'path' } as {
    bfs: boolean;
    vertices: Uniqueness;
    edges: Uniqueness;
  };
  for (const [name, v] of Object.entries(given === null ? {} : (given as ObjectValue))) {
    if (name === 'bfs' && typeof v === 'boolean') o.bfs = v;
    else if (name === 'order' && (v === 'bfs' || v === 'dfs')) o.bfs = v === 'bfs';
    else if (name === 'uniqueVertices' && (v === 'none' || v === 'path' || v === 'global')) o.vertices = v;
    else if (name === 'uniqueEdges' && (v === 'none' || v === 'path' || v === 'global')) o.edges = v;
    else throw refuse('compileTimeOptions', `AQL: traversals have no option ${name}: ${JSON.stringify(v)}`);
  }
  if (o.vertices === 'global' && !o.bfs)
    throw refuse(
      'badParameter',
      "uniqueVertices: 'global' is only supported, with mode bfs due to otherwise unpredictable results",
    );
  return o;
}
