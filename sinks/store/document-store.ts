import type { Collection } from './collections.ts';

/** Plain JSON. Times are integers in µs; amounts are doubles in units, nearest to the exact decimal. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };
export interface Document {
  readonly _key: string;
  readonly [field: string]: Json | undefined;
}
/** A document of the collection `lineage`. */
export interface Edge extends Document {
  /** `collection/key` of the effect. */
  readonly _from: string;
  /** `collection/key` of the cause. */
  readonly _to: string;
  readonly kind: string;
}

/** One step of a walk along lineage edges. */
export interface LineageStep {
  readonly id: string;
  /** Edges from the start; 0 is the start itself. */
  readonly depth: number;
  /** Where the walk came from, and the kind of that edge; null for the start. */
  readonly from: string | null;
  readonly kind: string | null;
  /** Null when the id names no stored document, e.g. a service or an input. */
  readonly document: Document | null;
}

/** The named queries: parameters and rows. Each driver writes each of them once; nothing else knows its language. */
export interface Queries {
  /** Documents with from ≤ t < to, oldest first. */
  by_time: {
    params: { collection: Collection; from: number; to: number; instrument?: string; limit?: number };
    row: Document;
  };
  /** The order with its events, then its fills, oldest first. */
  order_life_cycle: { params: { client_id: string; instrument?: string }; row: Document };
  /** Orders that were open at engine time t. */
  open_orders_at: { params: { t: number; instrument?: string }; row: Document };
  /** The last snapshot at or before t of each instrument. */
  positions_at: { params: { t: number; instrument?: string }; row: Document };
  /**
   * What caused it (`ancestors`) or what it caused, nearest first; each id once. Walks the edges of `lineage` and those
   * that documents state themselves (`statedEdges`), as if they were one kind.
   */
  lineage: {
    params: { id: string; direction: 'ancestors' | 'descendants'; depth?: number };
    row: LineageStep;
  };
  /** Documents that contain all the words, best match first. */
  full_text: {
    params: { text: string; collections?: readonly Collection[]; limit?: number };
    row: { readonly collection: Collection; readonly document: Document };
  };
}
export type QueryName = keyof Queries;

export interface DocumentStore {
  /** Inserts or replaces by `_key`; one transaction. @throws CHM541, CHM543, CHM547 */
  upsert(collection: Collection, documents: readonly Document[]): Promise<void>;
  get(collection: Collection, key: string): Promise<Document | undefined>;
  count(collection: Collection): Promise<number>;
  query<N extends QueryName>(name: N, params: Queries[N]['params']): Promise<Queries[N]['row'][]>;
  /** Runs the work with all writes in one transaction where the driver has them. */
  transaction<T>(work: () => T | Promise<T>): Promise<T>;
  close(): Promise<void>;
}
