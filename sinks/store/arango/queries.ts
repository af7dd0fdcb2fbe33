import { COLLECTIONS, type Collection } from '../collections.ts';
import type { Document, Queries, QueryName } from '../document-store.ts';
import { BY_TIME, FULL_TEXT, OPEN_ORDERS_AT, ORDER_LIFE_CYCLE, POSITIONS_AT } from './aql.ts';
import type { Bindings } from './client.ts';
import { lineage } from './lineage.ts';
import { originalOf } from './stored-form.ts';
import { phrasesOf } from './words.ts';

/** How a query is sent: alone, or within a transaction. */
export type Rows = <T>(query: string, bindings: Bindings) => Promise<T[]>;
export type Stored = Readonly<Record<string, unknown>>;

/** Larger than any collection; LIMIT takes no null. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const DEFAULT_FOUND = 100;

const documents = async (rows: Rows, query: string, bindings: Bindings): Promise<Document[]> =>
  (await rows<Stored>(query, bindings)).map(originalOf);

/** Every named query; the AQL stands in `aql.ts`. */
export const ARANGO_QUERIES: {
  readonly [N in QueryName]: (rows: Rows, params: Queries[N]['params']) => Promise<Queries[N]['row'][]>;
} = {
  by_time: (rows, { collection, from, to, instrument = null, limit }) =>
    documents(rows, BY_TIME, {
      '@collection': collection,
      from,
      to,
      instrument,
      // As in SQL, where a negative limit is none.
      limit: limit === undefined || limit < 0 ? NO_LIMIT : limit,
    }),
  order_life_cycle: (rows, { client_id, instrument = null }) =>
    documents(rows, ORDER_LIFE_CYCLE, { client_id, instrument }),
  open_orders_at: (rows, { t, instrument = null }) => documents(rows, OPEN_ORDERS_AT, { t, instrument }),
  async positions_at(rows, { t, instrument = null }) {
    const found = await documents(rows, POSITIONS_AT, { t, instrument });
    // The server sorts text by language; the order here is that of the characters' numbers.
    const name = (d: Document): Buffer => Buffer.from(String(d['instrument']));
    return found.sort((a, b) => Buffer.compare(name(a), name(b)));
  },
  lineage,
  async full_text(rows, { text, collections, limit = DEFAULT_FOUND }) {
    const phrases = phrasesOf(text);
    if (phrases.length === 0) return [];
    const searched = (collections ?? (Object.keys(COLLECTIONS) as Collection[])).filter(
      (c) => COLLECTIONS[c].fullText.length > 0,
    );
    const bindings = {
      // The longest word is likely the rarest.
      word: phrases.flat().reduce((a, b) => (b.length > a.length ? b : a)),
      phrases: phrases.map((p) => ` ${p.join('  ')} `),
      limit,
    };
    const found = await Promise.all(
      searched.map(async (collection) => {
        const hits = await rows<{ document: Stored; score: number }>(FULL_TEXT, {
          '@collection': collection,
          ...bindings,
        });
        return hits.map(({ document, score }) => ({ collection, document: originalOf(document), score }));
      }),
    );
    // The sort is stable: equal scores stay in order of collection and age.
    return found
      .flat()
      .sort((a, b) => b.score - a.score)
      .slice(0, limit)
      .map(({ collection, document }) => ({ collection, document }));
  },
};
