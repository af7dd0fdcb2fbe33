import { COLLECTIONS, collectionOf } from '../collections.ts';

/**
 * Every query in AQL, once. Values come in as bindings; nothing here is put together from what a caller gives.
 * `chimera.n` is the order of first insertion; null is smaller than every number, so `<=` alone would find it.
 */
export const BY_KEY = `
FOR d IN @@collection
  FILTER d._key == @key
  RETURN d`;

export const BY_KEYS = `
FOR d IN @@collection
  FILTER d._key IN @keys
  RETURN d`;

export const COUNT = `
FOR d IN @@collection
  COLLECT WITH COUNT INTO n
  RETURN n`;

/** A document that is there keeps its place in the order. */
export const UPSERT = `
FOR d IN @documents
  UPSERT { _key: d._key }
  INSERT d
  REPLACE MERGE(d, { chimera: MERGE(d.chimera, { n: NOT_NULL(OLD.chimera.n, d.chimera.n) }) })
  IN @@collection`;

export const INSERT = `
FOR d IN @documents
  INSERT d INTO @@collection`;

/** Hands out numbers for the order of insertion: a range of them, never the same twice. */
export const TAKE_NUMBERS = `
UPSERT { _key: @counter }
  INSERT { _key: @counter, next: @count }
  UPDATE { next: OLD.next + @count }
  IN counters
  RETURN NEW.next`;

export const BY_TIME = `
FOR d IN @@collection
  FILTER d.t >= @from AND d.t < @to
  FILTER @instrument == null OR d.instrument == @instrument
  SORT d.t, d.chimera.n
  LIMIT @limit
  RETURN d`;

export const ORDER_LIFE_CYCLE = `
LET placed = (
  FOR o IN orders
    FILTER o.client_id == @client_id
    FILTER @instrument == null OR o.instrument == @instrument
    SORT o.t, o.chimera.n
    RETURN o)
LET executed = (
  FOR f IN fills
    FILTER f.client_id == @client_id
    FILTER @instrument == null OR f.instrument == @instrument
    SORT f.t, f.chimera.n
    RETURN f)
FOR d IN APPEND(placed, executed)
  RETURN d`;

export const OPEN_ORDERS_AT = `
FOR o IN orders
  FILTER o.t != null AND o.t <= @t AND (o.closed_t == null OR o.closed_t > @t)
  FILTER @instrument == null OR o.instrument == @instrument
  SORT o.t, o.chimera.n
  RETURN o`;

export const POSITIONS_AT = `
LET instruments = (
  FOR p IN positions_snapshots
    FILTER @instrument == null OR p.instrument == @instrument
    COLLECT instrument = p.instrument
    RETURN instrument)
FOR i IN instruments
  FILTER i != null
  LET last = (
    FOR p IN positions_snapshots
      FILTER p.instrument == i AND p.t != null AND p.t <= @t
      SORT p.t DESC, p.chimera.n DESC
      LIMIT 1
      RETURN p)
  FILTER LENGTH(last) == 1
  RETURN last[0]`;

/** A cluster wants to know beforehand where a walk may lead. */
const WITH = `WITH ${Object.keys(COLLECTIONS)
  .filter((c) => collectionOf(c)?.kind === 'document')
  .join(', ')}`;

/**
 * All that is reached from the starts along stored edges, each id once with its document and its own edges in order.
 * Which way leads to an id, and how far it is, follows from the edges; a walk with global uniqueness says neither
 * reliably. The vertices are not read by the walk: many ids (inputs, services) name no document.
 */
const walk = (direction: 'OUTBOUND' | 'INBOUND', near: '_from' | '_to', far: '_from' | '_to'): string => `${WITH}
LET reached = (
  FOR s IN @starts
    FOR v, e IN 1..@depth ${direction} s lineage OPTIONS { order: "bfs", uniqueVertices: "global" }
      RETURN DISTINCT e.${far})
FOR id IN UNION_DISTINCT(@starts, reached)
  LET document = PARSE_IDENTIFIER(id).collection IN @stored ? DOCUMENT(id) : null
  LET edges = (
    FOR e IN lineage
      FILTER e.${near} == id
      SORT e.chimera.n
      RETURN { id: e.${far}, kind: e.kind })
  RETURN { id, document, edges }`;
export const WALK = {
  ancestors: walk('OUTBOUND', '_from', '_to'),
  descendants: walk('INBOUND', '_to', '_from'),
} as const;

/** Documents that may state this input (by its number, where its id shows it) or this service. */
export const STATING = `
FOR d IN @@collection
  FILTER @seq == null OR d.seq == @seq
  FILTER @service == null OR @service IN d.made_by
  SORT d.chimera.n
  RETURN KEEP(d, "_key", "pipeline", "source", "seq", "made_by", "chimera")`;

/**
 * Documents with all phrases. One word finds candidates by index; a phrase is there when its words stand next to each
 * other. Each word has blanks of its own around it, so that neighbours do not share one. Scored as BM25 does it
 * (k1 = 1.2, b = 0.75), with a fixed length to compare with, so that nothing but the document itself is needed.
 */
export const FULL_TEXT = `
FOR d IN @@collection
  FILTER @word IN d.chimera.w[*]
  LET body = CONCAT(" ", CONCAT_SEPARATOR("  ", d.chimera.w), " ")
  LET hits = (FOR p IN @phrases RETURN LENGTH(SPLIT(body, p)) - 1)
  FILTER MIN(hits) > 0
  LET length = LENGTH(d.chimera.w) / 12
  LET scores = (FOR n IN hits RETURN n * 2.2 / (n + 1.2 * (0.25 + 0.75 * length)))
  LET score = SUM(scores)
  SORT score DESC, d.chimera.n
  LIMIT @limit
  RETURN { document: d, score }`;

export const SAVE_CHECKPOINT = `
UPSERT { _key: @checkpoint._key }
  INSERT @checkpoint
  REPLACE @checkpoint
  IN checkpoints`;

/** All but the newest two up to this epoch. */
export const FORGET_CHECKPOINTS = `
LET kept = (
  FOR c IN checkpoints
    FILTER c.pipeline == @pipeline AND c.epoch <= @epoch
    SORT c.epoch DESC
    LIMIT @count
    RETURN c.epoch)
FOR c IN checkpoints
  FILTER c.pipeline == @pipeline AND c.epoch NOT IN kept
  REMOVE c IN checkpoints`;

export const LOAD_CHECKPOINT = `
FOR c IN checkpoints
  FILTER c.pipeline == @pipeline AND c.epoch < @before
  SORT c.epoch DESC
  LIMIT 1
  RETURN c`;

export const SAVE_MANIFEST = `
UPSERT { _key: @manifest._key }
  INSERT @manifest
  REPLACE @manifest
  IN manifests`;

export const LOAD_MANIFEST = `
FOR m IN manifests
  FILTER m.writer == @writer AND m.epoch >= @from AND m.epoch < @before
  SORT m.epoch
  RETURN m`;

export const KEEP_MANIFEST = `
FOR m IN manifests
  FILTER m.writer == @writer AND (m.epoch < @from OR m.epoch >= @before)
  REMOVE m IN manifests`;
