import { COLLECTIONS, type Collection } from '../collections.ts';
import { documentId, documentKey } from '../document-key.ts';
import type { Document, LineageStep, Queries } from '../document-store.ts';
import { STATED, seqOfInput, statedEdges } from '../stated-edges.ts';
import { STATING, WALK } from './aql.ts';
import type { Rows, Stored } from './queries.ts';
import { isDocumentId, originalOf } from './stored-form.ts';

interface Neighbour {
  readonly id: string;
  readonly kind: string;
}
interface Vertex {
  readonly document: Document | null;
  /** Stated edges first, then stored ones in order of insertion: the order in which every driver walks. */
  readonly next: readonly Neighbour[];
}
interface Reached {
  readonly id: string;
  readonly document: Stored | null;
  readonly edges: readonly Neighbour[];
}
/** The server takes no infinity; a walk that visits each id once ends long before. */
const ANY_DEPTH = 1_000_000;
const STORED = Object.keys(COLLECTIONS) as Collection[];

/**
 * One traversal fetches all that is reached along stored edges. Ids that are only reached over what documents state
 * (inputs, services) may have stored edges themselves, so what is new is walked from again until nothing is; in
 * practice once. Depth and order then follow from the edges alone.
 */
export async function lineage(
  rows: Rows,
  { id, direction, depth = Number.POSITIVE_INFINITY }: Queries['lineage']['params'],
): Promise<LineageStep[]> {
  const vertices = new Map<string, Vertex>();
  for (let starts = [id].filter(isDocumentId); starts.length > 0; ) {
    const bindings = { starts, stored: STORED, depth: Math.min(Math.max(1, Math.floor(depth)), ANY_DEPTH) };
    const reached = (await rows<Reached>(WALK[direction], bindings)).filter((r) => !vertices.has(r.id));
    const found = await Promise.all(reached.map((r) => vertexOf(rows, r, direction)));
    for (const [i, { id: there }] of reached.entries()) vertices.set(there, found[i]!);
    const ahead = new Set(found.flatMap((v) => v.next.map((n) => n.id)));
    // What lies beyond the depth is not walked from: the last round would fetch it for nothing.
    const near = within(id, vertices, depth);
    starts = [...ahead].filter((a) => near.has(a) && !vertices.has(a) && isDocumentId(a));
  }
  return walked(id, vertices, depth);
}

async function vertexOf(rows: Rows, { id, document, edges }: Reached, direction: string): Promise<Vertex> {
  const original = document && originalOf(document);
  const stated = direction === 'ancestors' ? causesStated(id, original) : await effectsStating(rows, id);
  return { document: original, next: [...stated, ...edges.map((e) => ({ id: e.id, kind: e.kind }))] };
}
const causesStated = (id: string, document: Document | null): Neighbour[] =>
  document ? statedEdges(partsOf(id)[0], document).map((e) => ({ id: e.to, kind: e.kind })) : [];

/** Documents that state this input or service, by collection, oldest first. */
async function effectsStating(rows: Rows, id: string): Promise<Neighbour[]> {
  const [of, key] = partsOf(id);
  if (of !== 'inputs' && of !== 'services') return [];
  const seq = of === 'inputs' ? (seqOfInput(key) ?? null) : null;
  const service = of === 'services' ? nameOf(key) : null;
  const found = await Promise.all(
    STATED.map(async (collection) => {
      const stating = await rows<Stored>(STATING, { '@collection': collection, seq, service });
      return stating.flatMap((row) => {
        const document = originalOf(row);
        const kind = statedEdges(collection, document).find((e) => e.to === id)?.kind;
        return kind === undefined ? [] : [{ id: documentId(collection, document._key), kind }];
      });
    }),
  );
  return found.flat();
}
/** What became this key; null where the key was too long to show it, so that every document is a candidate. */
function nameOf(key: string): string | null {
  try {
    const name = decodeURIComponent(key);
    return documentKey(name) === key ? name : null;
  } catch {
    return null;
  }
}

/** Breadth first, so that each id has its smallest depth; each id once. */
function walked(id: string, vertices: ReadonlyMap<string, Vertex>, depth: number): LineageStep[] {
  const documentOf = (there: string): Document | null => vertices.get(there)?.document ?? null;
  const steps: LineageStep[] = [{ id, depth: 0, from: null, kind: null, document: documentOf(id) }];
  const seen = new Set([id]);
  for (let i = 0; i < steps.length && steps[i]!.depth < depth; i++) {
    const at = steps[i]!;
    for (const { id: there, kind } of vertices.get(at.id)?.next ?? []) {
      if (seen.has(there)) continue;
      seen.add(there);
      steps.push({ id: there, depth: at.depth + 1, from: at.id, kind, document: documentOf(there) });
    }
  }
  return steps;
}
const within = (id: string, vertices: ReadonlyMap<string, Vertex>, depth: number): Set<string> =>
  new Set(walked(id, vertices, depth).map((s) => s.id));

function partsOf(id: string): [collection: string, key: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, Math.max(0, slash)), id.slice(slash + 1)];
}
