import { COLLECTIONS, type Collection, collectionOf } from './collections.ts';
import { documentId, documentKey } from './document-key.ts';
import type { Document } from './document-store.ts';

/** An edge that needs no document of its own; `to` is the id of the cause. */
export interface StatedEdge {
  readonly to: string;
  readonly kind: 'made_by' | 'because';
}

/** Collections whose documents state edges, and the fields that they state them with. */
export const STATED = (Object.keys(COLLECTIONS) as Collection[]).filter((c) => collectionOf(c)!.stated);
export const STATING = ['pipeline', 'source', 'seq', 'made_by'] as const;

/**
 * The edges from a document to the services that made it (`made_by: ['s3']`) and to the input that caused it (`pipeline`,
 * `source`, `seq`). They only repeat its fields, so writers do not put them into `lineage`; `lineage` queries answer with
 * them all the same. A driver may read them off the documents, or keep them as edges beside the others.
 */
export function statedEdges(collection: string, { pipeline, source, seq, made_by }: Document): StatedEdge[] {
  const edges: StatedEdge[] = [];
  if (!collectionOf(collection)?.stated) return edges;
  if (Array.isArray(made_by))
    for (const s of made_by as readonly unknown[])
      if (typeof s === 'string') edges.push({ to: documentId('services', documentKey(s)), kind: 'made_by' });
  if (typeof pipeline === 'string' && typeof source === 'string' && typeof seq === 'number')
    edges.push({ to: documentId('inputs', documentKey(pipeline, source, seq)), kind: 'because' });
  return edges;
}
/** The number of an input, by the key in its id; undefined where the key does not show it. */
export function seqOfInput(key: string): number | undefined {
  const digits = /\.(\d+)$/.exec(key)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
