import {
  type Document,
  type DocumentStore,
  documentId,
  documentKey,
  type LineageStep,
} from '../../../sinks/store/index.ts';
import type { Lineage } from '../contract/records.ts';
import { notFound } from '../problem.ts';

export interface LineageQuery {
  readonly order?: string | undefined;
  readonly node?: string | undefined;
  readonly seq?: number | undefined;
  /** `collection/key` of a document, as answers of this route name it. */
  readonly id?: string | undefined;
  readonly direction: 'up' | 'down';
}
const DEPTH = 12;

/** From a document back to the inputs that caused it, or on to what it caused, as a tree: an id that occurs twice has its causes once. */
export async function lineageOf(store: DocumentStore, pipeline: string, query: LineageQuery): Promise<Lineage> {
  const id = await startOf(store, pipeline, query);
  const direction = query.direction === 'up' ? 'ancestors' : 'descendants';
  const steps = await store.query('lineage', { id, direction, depth: DEPTH });
  const children = new Map<string, LineageStep[]>();
  for (const s of steps)
    if (s.from !== null) {
      const list = children.get(s.from) ?? [];
      list.push(s);
      children.set(s.from, list);
    }
  const start = steps.find((s) => s.depth === 0);
  const build = (id: string, kind: string, document: Document | null): Lineage => ({
    id,
    kind,
    node: typeof document?.['node'] === 'string' ? document['node'] : null,
    at_us: typeof document?.['t'] === 'number' ? document['t'] : null,
    values: document ?? {},
    causes: (children.get(id) ?? []).map((s) => build(s.id, s.kind ?? '', s.document)),
  });
  return build(id, id.split('/')[0] ?? '', start?.document ?? null);
}

async function startOf(store: DocumentStore, pipeline: string, q: LineageQuery): Promise<string> {
  if (q.id !== undefined) return q.id;
  if (q.order !== undefined) {
    const [order] = await store.query('order_life_cycle', { client_id: q.order });
    if (!order) throw notFound(`order ${q.order}`);
    return documentId('orders', order._key);
  }
  return documentId('inputs', documentKey(pipeline, q.node ?? '', q.seq ?? 0));
}
