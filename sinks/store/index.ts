export { COLLECTIONS, type Collection, type CollectionSpec } from './collections.ts';
export { documentId, documentKey } from './document-key.ts';
export type { Document, DocumentStore, Edge, Json, LineageStep, Queries, QueryName } from './document-store.ts';
export { openEmbeddedStore } from './embedded-store.ts';
export { SqliteStore } from './sqlite-store.ts';
export { type StatedEdge, statedEdges } from './stated-edges.ts';
