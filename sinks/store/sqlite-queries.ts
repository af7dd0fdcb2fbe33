import { COLLECTIONS, type Collection } from './collections.ts';
import type { Document, LineageStep, Queries, QueryName } from './document-store.ts';
import type { SqliteCore } from './sqlite-core.ts';
import { searchable, searchTable } from './sqlite-tables.ts';

/** Every named query in SQL, once. */
export const SQLITE_QUERIES: {
  readonly [N in QueryName]: (core: SqliteCore, params: Queries[N]['params']) => Queries[N]['row'][];
} = {
  by_time(core, { collection, from, to, instrument, limit = -1 }) {
    const sql = `SELECT doc FROM ${collection} WHERE t >= ? AND t < ? ${only(instrument)} ORDER BY t, id LIMIT ?`;
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
    const [here, there] = direction === 'ancestors' ? ['_from', '_to'] : ['_to', '_from'];
    // UNION keeps each id once, so diamonds and loops cost nothing.
    const edges = core.rows(
      `WITH RECURSIVE reached (id) AS (
         SELECT ? UNION SELECT e.${there} FROM reached JOIN lineage e ON e.${here} = reached.id)
       SELECT e.${here}, e.${there}, json_extract(e.doc, '$.kind') FROM reached JOIN lineage e ON e.${here} = reached.id
       ORDER BY e.id`,
      id,
    ) as [string, string, string][];
    return walk(id, edges, depth).map((step) => ({ ...step, document: documentOf(core, step.id) }));
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
  const slash = id.indexOf('/');
  const collection = id.slice(0, slash);
  if (!Object.hasOwn(COLLECTIONS, collection)) return null;
  const row = core.row(`SELECT doc FROM ${collection} WHERE _key = ?`, id.slice(slash + 1));
  return row ? (JSON.parse(row[0] as string) as Document) : null;
}

/** Breadth first over the edges, so that each id has its smallest depth. */
function walk(id: string, edges: readonly [string, string, string][], depth: number): Omit<LineageStep, 'document'>[] {
  const next = new Map<string, [string, string][]>();
  for (const [here, there, kind] of edges) {
    const list = next.get(here);
    if (list) list.push([there, kind]);
    else next.set(here, [[there, kind]]);
  }
  const steps: Omit<LineageStep, 'document'>[] = [{ id, depth: 0, from: null, kind: null }];
  const seen = new Set([id]);
  for (let i = 0; i < steps.length; i++) {
    const at = steps[i]!;
    if (at.depth >= depth) break;
    for (const [there, kind] of next.get(at.id) ?? [])
      if (!seen.has(there)) {
        seen.add(there);
        steps.push({ id: there, depth: at.depth + 1, from: at.id, kind });
      }
  }
  return steps;
}

/** Each word as a quoted phrase, all of which must occur: nothing of the text is syntax. */
function phrases(text: string): string {
  return text
    .split(/\s+/)
    .filter((w) => /[\p{L}\p{N}]/u.test(w))
    .map((w) => `"${searchable(w).replaceAll('"', ' ')}"`)
    .join(' ');
}
