import { COLLECTIONS, type Collection, collectionOf } from './collections.ts';
import { documentId } from './document-key.ts';
import type { Document, LineageStep, Queries, QueryName } from './document-store.ts';
import type { SqliteCore } from './sqlite-core.ts';
import { jsonOf, searchable, searchTable } from './sqlite-tables.ts';
import { STATED, STATING, seqOfInput, statedEdges } from './stated-edges.ts';

/** Every named query in SQL, once. */
export const SQLITE_QUERIES: {
  readonly [N in QueryName]: (core: SqliteCore, params: Queries[N]['params']) => Queries[N]['row'][];
} = {
  by_time(core, { collection, from, to, instrument, limit = -1 }) {
    const sql = `SELECT ${jsonOf(COLLECTIONS[collection])} FROM ${collection} WHERE t >= ? AND t < ? ${only(instrument)} ORDER BY t, id LIMIT ?`;
    return documents(core, sql, from, to, ...given(instrument), limit);
  },
  order_life_cycle(core, { client_id, instrument }) {
    const where = `WHERE client_id = ? ${only(instrument)} ORDER BY t, id`;
    const params = [client_id, ...given(instrument)];
    return [
      ...documents(core, `SELECT doc FROM orders ${where}`, ...params),
      ...documents(core, `SELECT doc FROM fills ${where}`, ...params),
    ];
  },
  open_orders_at(core, { t, instrument }) {
    const sql = `SELECT doc FROM orders WHERE (closed_t IS NULL OR closed_t > ?) AND t <= ? ${only(instrument)} ORDER BY t, id`;
    return documents(core, sql, t, t, ...given(instrument));
  },
  positions_at(core, { t, instrument }) {
    if (instrument !== undefined)
      return documents(
        core,
        'SELECT doc FROM positions_snapshots WHERE instrument = ? AND t <= ? ORDER BY t DESC, id DESC LIMIT 1',
        instrument,
        t,
      );
    const all = core.rows('SELECT DISTINCT instrument FROM positions_snapshots ORDER BY instrument');
    return all.flatMap(([i]) => SQLITE_QUERIES.positions_at(core, { t, instrument: i as string }));
  },
  lineage(core, { id, direction, depth = Number.POSITIVE_INFINITY }) {
    // Breadth first, so that each id has its smallest depth; each id once, so that diamonds and loops cost nothing.
    const steps: LineageStep[] = [{ id, depth: 0, from: null, kind: null, document: documentOf(core, id) }];
    const seen = new Set([id]);
    const next = direction === 'ancestors' ? causesOf : effectsOf;
    for (let i = 0; i < steps.length && steps[i]!.depth < depth; i++) {
      const at = steps[i]!;
      for (const { id: there, kind } of next(core, at)) {
        if (seen.has(there)) continue;
        seen.add(there);
        steps.push({ id: there, depth: at.depth + 1, from: at.id, kind, document: documentOf(core, there) });
      }
    }
    return steps;
  },
  full_text(core, { text, collections, limit = 100 }) {
    const match = phrases(text);
    if (match === '') return [];
    const found = (collections ?? (Object.keys(COLLECTIONS) as Collection[])).flatMap((collection) => {
      if (COLLECTIONS[collection].fullText.length === 0) return [];
      const words = searchTable(collection);
      return core
        .rows(
          `SELECT d.doc, w.rank FROM ${words} w JOIN ${collection} d ON d.id = w.rowid
           WHERE ${words} MATCH ? ORDER BY w.rank, d.id LIMIT ?`,
          match,
          limit,
        )
        .map(([doc, rank]) => ({ collection, document: JSON.parse(doc as string) as Document, rank: rank as number }));
    });
    // The sort is stable: equal ranks stay in order of collection and age.
    return found
      .sort((a, b) => a.rank - b.rank)
      .slice(0, limit)
      .map(({ collection, document }) => ({ collection, document }));
  },
};

const only = (instrument: string | undefined): string => (instrument === undefined ? '' : 'AND instrument = ?');
const given = (instrument: string | undefined): string[] => (instrument === undefined ? [] : [instrument]);
const documents = (core: SqliteCore, sql: string, ...params: unknown[]): Document[] =>
  core.rows(sql, ...params).map(([doc]) => JSON.parse(doc as string) as Document);

function documentOf(core: SqliteCore, id: string): Document | null {
  const [collection, key] = partsOf(id);
  const spec = collectionOf(collection);
  if (!spec) return null;
  const row = core.row(`SELECT ${jsonOf(spec)} FROM ${collection} WHERE _key = ?`, key);
  return row ? (JSON.parse(row[0] as string) as Document) : null;
}
function partsOf(id: string): [collection: string, key: string] {
  const slash = id.indexOf('/');
  return [id.slice(0, Math.max(0, slash)), id.slice(slash + 1)];
}

interface Neighbour {
  readonly id: string;
  readonly kind: string;
}
/** What the document states itself, then its edges in order of insertion. */
function causesOf(core: SqliteCore, { id, document }: LineageStep): Neighbour[] {
  const stated = document ? statedEdges(partsOf(id)[0], document) : [];
  const edges = core.rows('SELECT _to, kind FROM lineage WHERE _from = ? ORDER BY id', id) as [string, string][];
  return [
    ...stated.map((e): Neighbour => ({ id: e.to, kind: e.kind })),
    ...edges.map(([there, kind]): Neighbour => ({ id: there, kind })),
  ];
}
function effectsOf(core: SqliteCore, { id }: LineageStep): Neighbour[] {
  const edges = core.rows('SELECT _from, kind FROM lineage WHERE _to = ? ORDER BY id', id) as [string, string][];
  return [...statingEffects(core, id), ...edges.map(([there, kind]): Neighbour => ({ id: there, kind }))];
}
/** Documents that state this input or service, by collection, oldest first. */
function statingEffects(core: SqliteCore, id: string): Neighbour[] {
  const [of, key] = partsOf(id);
  if (of !== 'inputs' && of !== 'services') return [];
  const seq = of === 'inputs' ? seqOfInput(key) : undefined;
  // A service made a good part of all documents: an index would not help.
  const where = seq === undefined ? '' : 'WHERE seq = ?';
  const fields = STATING.map((f) => `'${f}', doc -> '$.${f}'`).join(', ');
  return STATED.flatMap((collection) =>
    core
      .rows(
        `SELECT _key, json_object(${fields}) FROM ${collection} ${where} ORDER BY id`,
        ...(seq === undefined ? [] : [seq]),
      )
      .flatMap(([_key, stated]) => {
        const edges = statedEdges(collection, { _key, ...JSON.parse(stated as string) } as Document);
        const kind = edges.find((e) => e.to === id)?.kind;
        return kind === undefined ? [] : [{ id: documentId(collection, _key as string), kind }];
      }),
  );
}

/** Each word as a quoted phrase, all of which must occur: nothing of the text is syntax. */
function phrases(text: string): string {
  return text
    .split(/\s+/)
    .filter((w) => /[\p{L}\p{N}]/u.test(w))
    .map((w) => `"${searchable(w).replaceAll('"', ' ')}"`)
    .join(' ');
}
